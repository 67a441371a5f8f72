-- Admits if every window of every key has room for the cost; charges all of them or none.
-- KEYS    logs: the user's, and the tenant's if it has limits. One {hash tag}, so one cluster slot
-- ARGV    1 time in ms for tests, else ''    2 deadline by Redis's clock in ms, 0: none
--         3 requests    4 characters    5 lease id, 0: no stream    6 length of a lease in ms
--         then for each key: number of windows, and for each window: unit, limit, length in ms (0 for streams)
-- Returns {-1, time}  the deadline has passed: whoever asked has gone on without us, so nothing was done
--         {0 or 1, time, for each window: what is left, ms until one more fits,
--          then: time of the charge, ms until all have room, number of the window that is last}
local STREAM_WAIT = 1000 -- a stream ends when it ends; worth another try in a second

local now = clock(ARGV[1])
local deadline = tonumber(ARGV[2])
if deadline > 0 and now > deadline then return { -1, now } end
local cost = { requests = tonumber(ARGV[3]), characters = tonumber(ARGV[4]), streams = ARGV[5] == '0' and 0 or 1 }
local leaseId, leaseMs = tonumber(ARGV[5]), tonumber(ARGV[6])

local logs, windows = {}, {}
local wait, last = 0, 0
local at = 7
for k, key in ipairs(KEYS) do
  local log = open(key, now)
  settleClock(log)
  log.longest, log.wants = 0, {}
  logs[k] = log
  local number = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, number do
    local unit, limit, length = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    at = at + 3
    local window = { log = log, unit = unit, limit = limit, length = length, wait = 0 }
    windows[#windows + 1] = window
    log.wants[unit] = true
    if unit == 'streams' then
      window.used = 0
      for i = 1, log.slots do
        if leaseRuns(log, i, leaseMs) then window.used = window.used + 1 end
      end
      if window.used >= limit then window.wait = STREAM_WAIT end
      log.longest = math.max(log.longest, leaseMs)
    else
      window.gone = count(log, length)
      window.used = (sum(log, unit, log.n) - sum(log, unit, window.gone)) % U32
      if window.used + math.max(1, cost[unit]) > limit then
        window.wait = waitFor(log, unit, limit, length, window.gone, math.max(1, cost[unit]))
      end
      log.longest = math.max(log.longest, length)
    end
    if cost[unit] > 0 and window.wait > wait then wait, last = window.wait, #windows end
  end
end

local reply = { last > 0 and 0 or 1, now }
local function finished()
  local chargedAt = (now + (logs[1] and logs[1].ahead or 0)) % U32
  for _, number in ipairs({ chargedAt, wait, last }) do reply[#reply + 1] = number end
  return reply
end
if last > 0 then
  for _, window in ipairs(windows) do
    local reset = window.wait
    if reset > 0 and cost[window.unit] > 1 then -- told for one more, not for this cost
      reset = 0
      if window.used >= window.limit then
        reset = waitFor(window.log, window.unit, window.limit, window.length, window.gone, 1)
      end
    end
    reply[#reply + 1] = math.max(0, window.limit - window.used)
    reply[#reply + 1] = reset
  end
  return finished()
end

local DROP = 64 -- expired entries are dropped in lots, so that most admissions only append
local TOO_OLD = 20 * 24 * 3600 * 1000

local function entry(log)
  local time = pack(now + log.ahead)
  if not log.wide then return string.rep(time, cost.requests) end
  if cost.requests + cost.characters == 0 then return '' end
  return time .. pack(sum(log, 'requests', log.n) + cost.requests) .. pack(sum(log, 'characters', log.n) + cost.characters)
end

local function charge(log)
  local wide = log.wide or log.wants.characters
  local slot, slots = nil, log.slots
  if cost.streams > 0 and log.wants.streams then
    for i = 1, log.slots do
      if not leaseRuns(log, i, leaseMs) then slot = i break end
    end
    if not slot then slot, slots = log.slots + 1, log.slots + 4 end
  end
  local gone = 0
  if log.n > 0 and (age(log, 1) >= TOO_OLD or (log.n >= DROP and age(log, DROP) >= log.longest)) then
    gone = count(log, log.longest)
  end
  local ttl = lifetime(log.longest + log.ahead, ARGV[1])
  if log.size == 0 or gone > 0 or slots > log.slots or (wide and not log.wide) then
    local bytes = log.size == 0 and header({ slots = slots, wide = wide, base = { 0, 0 } }) .. string.rep('\0', 8 * slots)
      or rewritten(log, gone, slots, wide)
    redis.call('SET', log.key, bytes, 'PX', ttl)
    local fresh = open(log.key, now)
    fresh.ahead = log.ahead
    local new = entry(fresh)
    if new ~= '' then redis.call('APPEND', log.key, new) end
    log.head = fresh.head
  else
    local new = entry(log)
    if new ~= '' then redis.call('APPEND', log.key, new) end
    redis.call('PEXPIRE', log.key, ttl)
  end
  if slot then redis.call('SETRANGE', log.key, log.head + (slot - 1) * 8, pack(now + leaseMs) .. pack(leaseId)) end
end

local writes = cost.requests + cost.characters + cost.streams > 0
for _, window in ipairs(windows) do
  local left = window.limit - window.used - cost[window.unit]
  local reset = 0
  if left <= 0 then
    if window.unit == 'streams' then
      reset = STREAM_WAIT
    else
      window.log.added = writes and cost or nil
      reset = waitFor(window.log, window.unit, window.limit, window.length, window.gone, 1)
      window.log.added = nil
    end
  end
  reply[#reply + 1] = math.max(0, left)
  reply[#reply + 1] = reset
end
if writes then
  for _, log in ipairs(logs) do charge(log) end
end
return finished()
