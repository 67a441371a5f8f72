-- Reads an entry and renews it, if it is not past its ttl. One in its grace time is left as it is.
-- KEYS[1]     the entry, a string whose expiry is ttl + grace
-- ARGV[1]     what to renew it to: ttl + grace, ms      ARGV[2] grace, ms
-- Returns     its bytes, or false
local left = redis.call('PTTL', KEYS[1])
if left == -2 or (left >= 0 and left <= tonumber(ARGV[2])) then return false end
local value = redis.call('GET', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return value
