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
  local newest, skipped, shift = oldest, 0, 0
  local n = #oldest == 0 and 0 or (#oldest - 3) / 4
  if n == ENDS then
    n = (call('STRLEN', key) - 3) / 4
    if n > ENDS then
      newest, skipped = call('GETRANGE', key, '-256', '-1'), n - ENDS
      shift = 4 * skipped + 3
    end
  end
  local function age(i)
    if i <= ENDS then return (clock - unpack('>I4', oldest, 4 * i)) % U32 end
    if i > skipped then return (clock - unpack('>I4', newest, 4 * i - shift)) % U32 end
    return (clock - unpack('>I4', call('GETRANGE', key, 4 * i - 1, 4 * i + 2), 1)) % U32
  end

  -- Narrow, without leases, and by a clock that was not set back: that shows as an enormous age.
  if n == 0 or (string.sub(oldest, 1, 3) == '\1\0\0' and age(1) < TOO_OLD and age(n) < TOO_OLD) then
    local middling = skipped > 0 and age(ENDS)
    local reply, last = { 1, now }, #ARGV
    local longest, expired, refused = 0, 0, false
    for a = 4, last, 2 do
      local limit, length = ARGV[a] + 0, ARGV[a + 1] + 0
      -- How many have left the window: at least `low`, at most `high`.
      local low, high, bytes, from = 0, n, oldest, 0
      if n > limit then -- more than the limit are in it only if that was lowered
        if age(n - limit) >= length then low = n - limit else high = n - limit - 1 end
      end
      if middling then
        if middling < length then
          if high >= ENDS then high = ENDS - 1 end
        else
          if low < ENDS then low = ENDS end
          if low < skipped then
            if age(skipped + 1) >= length then low = skipped + 1 elseif high > skipped then high = skipped end
          end
          bytes, from = newest, shift
        end
      end
      if low < high and age(low + 1) < length then high = low end -- a busy user's longest window is always there
      while low < high do
        local middle = low + high + 1
        middle = (middle - middle % 2) / 2
        local old
        if middle > skipped or from == 0 then
          old = (clock - unpack('>I4', bytes, 4 * middle - from)) % U32
        else
          old = age(middle)
        end
        if old >= length then low = middle else high = middle - 1 end
      end
      if length > longest then longest, expired = length, low end
      local left, reset = limit - n + low - 1, 0 -- once this one is in it
      if left < 0 then
        left, reset, refused = -1, length - age(n + 1 - limit), true
      elseif left == 0 then
        reset = limit == 1 and length or length - age(n + 2 - limit)
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
    local ttl = ARGV[1] == '' and longest or math.max(longest, 3600000)
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
