-- After an admission: gives back characters that no engine was asked for, ends or renews the lease.
-- KEYS    the logs of the admission
-- ARGV    1 time in ms for tests, else ''    2 time of the charge as `take` told it    3 characters to give back
--         4 lease id, 0: none    5 how long the lease goes on in ms, 0: it ends now
-- Returns 1
local now = clock(ARGV[1])
local chargedAt, characters = tonumber(ARGV[2]), tonumber(ARGV[3])
local id, leaseMs = tonumber(ARGV[4]), tonumber(ARGV[5])

-- The charge itself becomes smaller. A credit with a time of its own would outlive the charge, and be a present.
local function refund(log)
  settleClock(log)
  local at = count(log, (log.now + log.ahead - chargedAt) % U32)
  if at == 0 or timeOf(log, at) ~= chargedAt then return end -- dropped already: it was in no window any more
  local from = at -- entries of the same ms leave together, so it does not matter which of them shrinks
  while from > 1 and timeOf(log, from - 1) == chargedAt do from = from - 1 end
  local before = sum(log, 'characters', from - 1)
  local back = math.min(characters, (sum(log, 'characters', at) - before) % U32)
  if back == 0 then return end
  local most = (sum(log, 'characters', at) - before) % U32 - back
  local parts = {}
  for i = from, log.n do
    local taken = (sum(log, 'characters', i) - before) % U32
    taken = i <= at and math.min(taken, most) or taken - back
    parts[#parts + 1] = pack(timeOf(log, i)) .. pack(sum(log, 'requests', i)) .. pack(before + taken)
  end
  redis.call('SETRANGE', log.key, log.first + (from - 1) * log.stride, table.concat(parts))
end

for _, key in ipairs(KEYS) do
  local log = open(key, now)
  if characters > 0 and log.wide then refund(log) end
  local slot = id ~= 0 and log.size > 0 and slotOf(log, id)
  if slot then
    local bytes = leaseMs > 0 and pack(now + leaseMs) .. pack(id) or string.rep('\0', 8)
    redis.call('SETRANGE', key, log.head + (slot - 1) * 8, bytes)
    if leaseMs > 0 then redis.call('PEXPIRE', key, leaseMs, 'GT') end
  end
end
return 1
