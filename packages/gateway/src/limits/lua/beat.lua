-- One server's sign of life, and what servers tell each other about limits.
-- KEYS    1 servers: sorted set by time of the last sign    2 number of resets    3 refused users: sorted set by refusals
-- ARGV    1 this server    2 ms of silence after which a server is gone
--         3 how many of the most refused users to tell    4 how many of them to keep    then: times, user, …
-- Returns {servers, resets, user, refusals, …}
local DAY = 24 * 3600
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for at = 5, #ARGV, 2 do redis.call('ZINCRBY', KEYS[3], ARGV[at], ARGV[at + 1]) end
if #ARGV > 4 then
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[4] - 1)
  redis.call('EXPIRE', KEYS[3], DAY, 'NX')
end
local reply = { redis.call('ZCARD', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or 0) }
if ARGV[3] ~= '0' then
  local top = redis.call('ZREVRANGE', KEYS[3], 0, ARGV[3] - 1, 'WITHSCORES')
  for i = 1, #top do reply[#reply + 1] = top[i] end
end
return reply
