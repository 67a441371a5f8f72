-- Renews a leader's lease, if it still has it. A lease of 0 ms gives it back.
-- KEYS[1] lease      KEYS[2] the leader's stream
-- ARGV[1] token      ARGV[2] lease, ms      ARGV[3] life of the stream, ms
-- Returns 1, or 0 if it has it no longer
if redis.call('GET', KEYS[1]) ~= 'run:' .. ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
