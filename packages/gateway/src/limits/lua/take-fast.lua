-- The usual case of take.lua by itself: one request of a user whose only limits are on requests. The same decision from
-- the same log in a fraction of the time: nothing is set up that it does not need, constants go to Redis as strings (it
-- prints numbers slowly), and of a long log only both ends are read, for that is where windows begin: the longest among
-- the oldest 64 entries, since expired ones are dropped at 64, and short ones among the newest. Whatever is not so simple
-- (a tenant's limits, characters, streams, a clock set back) goes on below, in log.lua and take.lua.
-- KEYS    the user's log
-- ARGV    1 time in ms for tests, else ''    2 deadline by Redis's clock in ms, 0: none    3 'one'
--         then for each window: limit, length in ms
-- Returns as take.lua; the last three numbers only for a refusal
if ARGV[3] == 'one' then
  local U32, ENDS, TOO_OLD = 4294967296, 64, 1728000000
  local call, unpack, key = redis.call, struct.unpack, KEYS[1]
  local now = tonumber(ARGV[1])
  if not now then
    local time = call('TIME')
    now = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
  end
  if ARGV[2] ~= '0' and now > ARGV[2] + 0 then return { -1, now } end
  local clock = now % U32

  -- Entry i is at 4 * i of `oldest`, and at 4 * i - shift of `newest` if i > skipped.
  local oldest = call('GETRANGE', key, '0', '258')
  local n, newest, skipped, shift = 0, oldest, 0, 0
  if oldest ~= '' then n = (#oldest - 3) / 4 end
  if n == ENDS then
    n = (call('STRLEN', key) - 3) / 4
    if n > ENDS then
      newest, skipped = call('GETRANGE', key, '-256', '-1'), n - ENDS
      shift = 4 * skipped + 3
    end
  end

  -- Narrow, without leases, and by a clock that was not set back: that shows as an enormous age.
  if n == 0 or (string.sub(oldest, 1, 3) == '\1\0\0' and (clock - unpack('>I4', oldest, 4)) % U32 < TOO_OLD
      and (clock - unpack('>I4', newest, 4 * n - shift)) % U32 < TOO_OLD) then
    -- Told all it needs: a function that reaches for what is around it takes as long to make as three of these reads.
    local function age(i, clock, oldest, newest, skipped, shift)
      local U32, ENDS, unpack = 4294967296, 64, struct.unpack
      if i <= ENDS then return (clock - unpack('>I4', oldest, 4 * i)) % U32 end
      if i > skipped then return (clock - unpack('>I4', newest, 4 * i - shift)) % U32 end
      return (clock - unpack('>I4', redis.call('GETRANGE', KEYS[1], 4 * i - 1, 4 * i + 2), 1)) % U32
    end
    local middling = skipped > 0 and (clock - unpack('>I4', oldest, 256)) % U32
    local reply, last = { 1, now }, #ARGV
    local longest, ttl, expired, refused = 0, nil, 0, false
    for a = 4, last, 2 do
      local limit, length = ARGV[a] + 0, ARGV[a + 1] + 0
      -- `low`: how many have left the window. No more than the limit are in it, unless that was lowered, and then this
      -- one is refused whatever `low` is.
      local low, high, bytes, from = n - limit, n, oldest, 0
      if low < 0 then low = 0 end
      if middling then
        if middling < length then
          if high >= ENDS then high = ENDS - 1 end
        else
          bytes, from = newest, shift
          if low < skipped then
            if low < ENDS then low = ENDS end
            if age(skipped + 1, clock, oldest, newest, skipped, shift) >= length then
              low = skipped + 1
            elseif high > skipped then
              high, bytes = skipped, nil
            end
          end
        end
      end
      local middle = low + 1 -- there a busy user's longest window begins always; after that, halves
      while low < high do
        local old = bytes and (clock - unpack('>I4', bytes, 4 * middle - from)) % U32 or age(middle, clock, oldest, newest, skipped, shift)
        if old >= length then low = middle else high = middle - 1 end
        middle = low + high + 1
        middle = (middle - middle % 2) / 2
      end
      if length > longest then longest, ttl, expired = length, ARGV[a + 1], low end
      local left, reset = limit - n + low - 1, 0 -- once this one is in it
      if left < 0 then
        left, reset, refused = -1, length - age(n + 1 - limit, clock, oldest, newest, skipped, shift), true
      elseif left == 0 then
        reset = limit == 1 and length or length - age(n + 2 - limit, clock, oldest, newest, skipped, shift)
      end
      reply[a - 1], reply[a] = left, reset
    end

    if refused then
      local wait, by = 0, 0
      for at = 3, last - 1, 2 do
        local left, reset = reply[at], reply[at + 1]
        if left >= 0 then reset = 0 elseif reset > wait then wait, by = reset, (at - 1) / 2 end
        reply[at], reply[at + 1] = left + 1, reset
      end
      reply[1], reply[last], reply[last + 1], reply[last + 2] = 0, clock, wait, by
      return reply
    end
    if ARGV[1] ~= '' and longest < 3600000 then ttl = '3600000' end
    local entry = struct.pack('>I4', clock)
    if n == 0 then
      call('SET', key, '\1\0\0' .. entry, 'PX', ttl)
    elseif expired >= ENDS then
      call('SET', key, '\1\0\0' .. call('GETRANGE', key, 3 + 4 * expired, '-1') .. entry, 'PX', ttl)
    else
      call('APPEND', key, entry)
      call('PEXPIRE', key, ttl)
    end
    return reply
  end

  -- The same question in take.lua's words.
  local windows = {}
  for a = 4, #ARGV do windows[a] = ARGV[a] end
  local number = (#ARGV - 3) / 2
  ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7] = '1', '0', '0', '0', number
  for w = 1, number do
    ARGV[5 + 3 * w], ARGV[6 + 3 * w], ARGV[7 + 3 * w] = 'requests', windows[2 + 2 * w], windows[3 + 2 * w]
  end
end
