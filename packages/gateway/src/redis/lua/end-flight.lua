-- Ends a leader's flight. What it made stays for those who still read it; a whole one may be joined meanwhile.
-- KEYS[1] lease      KEYS[2] the leader's stream      KEYS[3] its "followed" key
-- ARGV[1] token      ARGV[2] id of the last entry      ARGV[3] the last entry      ARGV[4] how long it stays, ms
-- ARGV[5] '1': it is whole      ARGV[6] '1': not if somebody follows
-- Returns 1, or 0 if somebody follows, or 2 if another one has taken over: then nothing is changed
if ARGV[6] == '1' and redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local held = redis.call('GET', KEYS[1])
if held == 'end:' .. ARGV[1] then return 1 end -- asked again, because the answer was lost
if held ~= 'run:' .. ARGV[1] then return 2 end
if ARGV[5] == '1' then
  redis.call('SET', KEYS[1], 'end:' .. ARGV[1], 'PX', ARGV[4])
else
  redis.call('DEL', KEYS[1])
end
redis.call('XADD', KEYS[2], 'NOMKSTREAM', ARGV[2], 'end', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
