-- The usual case of take.lua by itself: one request of a user whose only limits are on requests. The same decision from
-- the same log, in a third of the time: nothing is set up that it does not need, and of a long log only both ends are
-- read, for that is where windows begin: the longest among the oldest 64 entries, since expired ones are dropped at 64,
-- and short ones among the newest. Whatever is not so simple (a tenant's limits, characters, streams, a log to be tidied
-- up, a clock set back) goes on below, in log.lua and take.lua.
if #KEYS == 1 and ARGV[3] == '1' and ARGV[4] == '0' and ARGV[5] == '0' then
  local U32, ENDS, TOO_OLD = 4294967296, 64, 1728000000
  local byte = string.byte
  local key, number = KEYS[1], tonumber(ARGV[7])
  local oldest = redis.call('GETRANGE', key, 0, 2 + 4 * ENDS)
  local size = #oldest
  local simple = size == 0 or (byte(oldest, 1) == 1 and byte(oldest, 2) + byte(oldest, 3) == 0)
  for at = 8, 5 + 3 * number, 3 do simple = simple and ARGV[at] == 'requests' end
  if simple then
    local now = tonumber(ARGV[1])
    if not now then
      local time = redis.call('TIME')
      now = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
    end
    local deadline = tonumber(ARGV[2])
    if deadline > 0 and now > deadline then return { -1, now } end
    local newest = ''
    if size == 3 + 4 * ENDS then
      size = redis.call('STRLEN', key)
      if size > 3 + 4 * ENDS then newest = redis.call('GETRANGE', key, -4 * ENDS, -1) end
    end
    local n = size == 0 and 0 or (size - 3) / 4
    local skipped = n - ENDS
    local clock = now % U32
    local unpack = struct.unpack
    local function age(i)
      if i <= ENDS then return (clock - unpack('>I4', oldest, 4 * i)) % U32 end
      if i > skipped then return (clock - unpack('>I4', newest, 4 * (i - skipped) - 3)) % U32 end
      return (clock - unpack('>I4', redis.call('GETRANGE', key, 4 * i - 1, 4 * i + 2), 1)) % U32
    end
    local middling = n >= ENDS and age(ENDS) or -1 -- older than what is in between
    local reply = { 1, now, clock, 0, 0 }
    local longest, wait, last = 0, 0, 0
    for w = 1, number do
      local limit, length = tonumber(ARGV[6 + 3 * w]), tonumber(ARGV[7 + 3 * w])
      if length > longest then longest = length end
      local low, high = 0, n
      if n > limit then -- more than the limit are seldom in the window, so look among the newest first
        if age(n - limit) >= length then low = n - limit else high = n - limit end
      end
      if low < ENDS and high >= ENDS and middling < length then high = ENDS - 1 end
      while low < high do
        local middle = low + high + 1
        middle = (middle - middle % 2) / 2
        if age(middle) >= length then low = middle else high = middle - 1 end
      end
      local left = limit - n + low -- before this one
      local reset = 0
      if left <= 0 then
        left, reset = 0, length - age(n + 1 - limit)
        if reset > wait then wait, last = reset, w end
      end
      reply[4 + 2 * w], reply[5 + 2 * w] = left, reset
    end
    if last > 0 then
      reply[1], reply[4], reply[5] = 0, wait, last
      -- A clock set back shows as an enormous age: then the other way must judge, and here nothing was written.
      if age(n) < TOO_OLD then return reply end
    elseif n == 0 or (age(n) < TOO_OLD and age(1) < TOO_OLD and middling < longest) then
      for w = 1, number do
        local left = reply[4 + 2 * w] - 1
        reply[4 + 2 * w] = left
        if left == 0 then
          local limit, length = tonumber(ARGV[6 + 3 * w]), tonumber(ARGV[7 + 3 * w])
          local leaves = n + 2 - limit
          reply[5 + 2 * w] = leaves > n and length or length - age(leaves)
        end
      end
      local ttl = ARGV[1] == '' and longest or math.max(longest, 3600000)
      local entry = struct.pack('>I4', clock)
      if n == 0 then
        redis.call('SET', key, '\1\0\0' .. entry, 'PX', ttl)
      else
        redis.call('APPEND', key, entry)
        redis.call('PEXPIRE', key, ttl)
      end
      return reply
    end
  end
end
