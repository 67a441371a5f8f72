-- Adds one batch of counters, once: a batch that is sent again because its answer got lost changes nothing.
-- KEYS[1]     the counters, a hash      KEYS[2] number of the last batch of this server
-- ARGV[1]     number of the batch      ARGV[2] how long to remember it, ms      ARGV[2i+1], ARGV[2i+2] field, amount
-- Returns     1 if added, 0 if it had been
if redis.call('GET', KEYS[2]) == ARGV[1] then return 0 end
redis.call('HLEN', KEYS[1]) -- fails here, before anything is added, if it is no hash
for i = 3, #ARGV, 2 do
  -- A field that somebody filled with words begins anew.
  local added = redis.pcall('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
  if type(added) == 'table' and added.err then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
