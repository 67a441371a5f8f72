-- Leaves word that somebody follows, and asks who leads.
-- KEYS[1] lease      KEYS[2] "followed" key of the leader that the caller follows
-- ARGV[1] life of that key, ms
-- Returns the lease, or false
redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])
return redis.call('GET', KEYS[1])
