-- What all limiter scripts share: the layout of a log. It stands in front of each of them when they are loaded.
--
-- One string holds all that is known of a user or of a tenant:
--   1 byte   1: narrow, entries of 4 bytes: the time. Each entry is one request. For whoever has no character limits.
--            2: wide, entries of 12 bytes: time, requests so far, characters so far (both running sums).
--   2 bytes  number of lease slots
--   8 bytes  wide only: the two sums before the first entry
--   slots    8 bytes each: when the lease ends, its id; id 0: free
--   entries  oldest first
-- All numbers are big-endian and 32 bits, times and sums modulo 2^32. The modulus does no harm: nothing is kept for
-- longer than 27 days (2^32 ms are 49), and no limit is above 2^31.
--
-- A window holds what is younger than its length. Entries are in order of time and sums only grow, so both questions,
-- "how much is in the window" and "which entry must leave before there is room", are binary searches.
local U32 = 4294967296
local HALF = 2147483648
local FETCH = 4096 -- a log up to this size is read in one go, of a larger one only its newest part
local OFFSET = { requests = 1, characters = 2 }

local function u32(bytes, at) return (struct.unpack('>I4', bytes, at)) end
local function pack(number) return struct.pack('>I4', number % U32) end

-- Redis's clock in ms, so that gateways whose clocks differ share one timeline. `given` is for tests, which move time.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Keys live as long as their longest window. Not in a test's time, which may pass more slowly than the server's.
local function lifetime(ms, given)
  return given == '' and ms or math.max(ms, 3600000)
end

local function open(key, now)
  local size = redis.call('STRLEN', key)
  local log = { key = key, size = size, now = now, ahead = 0, n = 0, slots = 0, stride = 4, head = 3, first = 3 }
  if size == 0 then return log end
  local head
  if size <= FETCH then
    log.bytes, log.from = redis.call('GETRANGE', key, 0, -1), 0
    head = log.bytes
  else
    log.from = size - FETCH
    log.bytes = redis.call('GETRANGE', key, log.from, -1)
    head = redis.call('GETRANGE', key, 0, 10)
  end
  log.slots = string.byte(head, 2) * 256 + string.byte(head, 3)
  if string.byte(head, 1) == 2 then
    log.wide, log.stride, log.head = true, 12, 11
    log.base = { u32(head, 4), u32(head, 8) }
  end
  log.first = log.head + 8 * log.slots
  log.n = (size - log.first) / log.stride
  return log
end

local function word(log, at)
  if at >= log.from then return u32(log.bytes, at - log.from + 1) end
  return u32(redis.call('GETRANGE', log.key, at, at + 3), 1)
end

-- Bytes from one offset up to, and without, another.
local function slice(log, from, to)
  if from >= to then return '' end
  if from >= log.from then return string.sub(log.bytes, from - log.from + 1, to - log.from) end
  return redis.call('GETRANGE', log.key, from, to - 1)
end

local function timeOf(log, i) return word(log, log.first + (i - 1) * log.stride) end

-- A clock that was set back must not make the newest entries look ancient: time stands still until it has caught up.
local function settleClock(log)
  if log.n == 0 then return end
  local lead = (timeOf(log, log.n) - log.now) % U32
  if lead < HALF then log.ahead = lead end
end

local function age(log, i)
  if i > log.n then return 0 end -- the one about to be written
  return (log.now + log.ahead - timeOf(log, i)) % U32
end

-- What entries 1 to i took of a unit.
local sum
function sum(log, unit, i)
  if i > log.n then return sum(log, unit, log.n) + log.added[unit] end
  if not log.wide then return unit == 'requests' and i or 0 end
  if i == 0 then return log.base[OFFSET[unit]] end
  return word(log, log.first + (i - 1) * 12 + 4 * OFFSET[unit])
end

-- How many entries have reached this age.
local function count(log, length)
  local low, high = 0, log.n
  while low < high do
    local middle = math.floor((low + high + 1) / 2)
    if age(log, middle) >= length then low = middle else high = middle - 1 end
  end
  return low
end

-- ms until `cost` more fit into a window of which `gone` entries have left already.
local function waitFor(log, unit, limit, length, gone, cost)
  local last = log.added and log.n + 1 or log.n
  local total = sum(log, unit, last)
  local low, high = gone + 1, last
  while low < high do
    local middle = math.floor((low + high) / 2)
    if (total - sum(log, unit, middle)) % U32 + cost <= limit then high = middle else low = middle + 1 end
  end
  return length - age(log, low) + log.ahead
end

local function header(log)
  local slots = string.char(math.floor(log.slots / 256), log.slots % 256)
  if log.wide then return '\2' .. slots .. pack(log.base[1]) .. pack(log.base[2]) end
  return '\1' .. slots
end

local function slotBytes(log)
  return log.size == 0 and '' or slice(log, log.head, log.first)
end

-- The whole log again, without its first `gone` entries, with room for `slots` leases, and wide if it must be.
local function rewritten(log, gone, slots, wide)
  local leases = slotBytes(log) .. string.rep('\0', 8 * (slots - log.slots))
  local new = { slots = slots, wide = log.wide or wide, base = { sum(log, 'requests', gone), sum(log, 'characters', gone) } }
  local entries
  if log.n == 0 then
    entries = ''
  elseif new.wide == log.wide or not new.wide then
    entries = slice(log, log.first + gone * log.stride, log.size)
  else
    local parts = {}
    for i = gone + 1, log.n do parts[#parts + 1] = pack(timeOf(log, i)) .. pack(i) .. pack(0) end
    entries = table.concat(parts)
  end
  return header(new) .. leases .. entries
end

-- Whether the lease in slot i is running. One that ends further away than any lease lasts is a leftover.
local function leaseRuns(log, i, leaseMs)
  local at = log.head + (i - 1) * 8
  local left = (word(log, at) - log.now) % U32
  return word(log, at + 4) ~= 0 and left > 0 and left <= leaseMs
end

local function slotOf(log, id)
  for i = 1, log.slots do
    if word(log, log.head + (i - 1) * 8 + 4) == id then return i end
  end
end
