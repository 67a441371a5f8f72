-- Writes down what was admitted elsewhere while Redis was away. Asks nobody: it has happened.
-- KEYS    the logs of one subject
-- ARGV    1 time in ms for tests, else ''    2 number of admissions, then for each of them: age in ms, requests, characters
--         then for each key: length of its longest window in ms, 1 if it has character windows else 0
-- Returns 1
local now = clock(ARGV[1])
local number = tonumber(ARGV[2])

local function all(log, longest)
  local entries = {}
  for i = 1, log.n do
    entries[i] = {
      age = age(log, i),
      requests = (sum(log, 'requests', i) - sum(log, 'requests', i - 1)) % U32,
      characters = (sum(log, 'characters', i) - sum(log, 'characters', i - 1)) % U32,
    }
  end
  for i = 0, number - 1 do
    local past = tonumber(ARGV[3 + 3 * i]) + log.ahead
    if past < longest then
      entries[#entries + 1] = { age = past, requests = tonumber(ARGV[4 + 3 * i]), characters = tonumber(ARGV[5 + 3 * i]) }
    end
  end
  table.sort(entries, function(a, b) return a.age > b.age end)
  return entries
end

for k, key in ipairs(KEYS) do
  local longest, wide = tonumber(ARGV[1 + 3 * number + 2 * k]), ARGV[2 + 3 * number + 2 * k] == '1'
  local log = open(key, now)
  settleClock(log)
  wide = wide or log.wide
  local parts = { header({ slots = log.slots, wide = wide, base = { 0, 0 } }), slotBytes(log) }
  local requests, characters = 0, 0
  for _, entry in ipairs(all(log, longest)) do
    local time = pack(log.now + log.ahead - entry.age)
    requests, characters = requests + entry.requests, characters + entry.characters
    parts[#parts + 1] = wide and time .. pack(requests) .. pack(characters) or string.rep(time, entry.requests)
  end
  redis.call('SET', key, table.concat(parts), 'PX', lifetime(longest + log.ahead, ARGV[1]))
end
return 1
