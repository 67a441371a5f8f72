-- Takes the lead of a flight if nobody has it, and opens the leader's stream; else says who has it and leaves word that
-- somebody follows.
-- KEYS[1] lease      KEYS[2] stream of the caller, should it lead
-- ARGV[1] the caller's token      ARGV[2] lease, ms      ARGV[3] life of the stream, ms      ARGV[4] first entry
-- ARGV[5] '1': a flight that is over will do      ARGV[6] prefix and ARGV[7] suffix of the "followed" key around a token
-- ARGV[8] life of that key, ms
-- Returns '' for a leader, else the leader's token
local held = redis.call('GET', KEYS[1])
if held then
  local state, token = string.sub(held, 1, 4), string.sub(held, 5)
  if state == 'run:' then
    redis.call('SET', ARGV[6] .. token .. ARGV[7], '1', 'PX', ARGV[8])
    return token
  end
  if ARGV[5] == '1' then return token end
end
redis.call('SET', KEYS[1], 'run:' .. ARGV[1], 'PX', ARGV[2])
redis.call('XADD', KEYS[2], '1-0', 'head', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return ''
