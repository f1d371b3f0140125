/**
 * Returns the stored record of an instance, or an empty string, and the time of Redis in milliseconds;
 * only the time if no instance is named.
 */
export const lookScript = `
local time = redis.call('TIME')
local held = ARGV[1] ~= '' and redis.call('HGET', KEYS[1], ARGV[1])
return { held or '', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }
`;

/**
 * Adds a batch. Everything that can fail happens before the first write: values are read, and so
 * checked, first, and Redis rejects the first write if it is full or read-only.
 *
 * Only the clock of Redis determines what is too old: one host with a wrong clock would delete the
 * counts of all others.
 *
 * KEYS: instances, heard (those that were closed), undated rows, ages, days, clients, then days and
 * topics as the rows say.
 * ARGV: instance, the record it has (empty: none), its next record, when it counted last by the clock
 * of Redis, days to keep, how many clients it has; the name of each; then for each row its name, its name when folded, the number of its key and of its
 * topic's (0: it has none), detail, room, count, first, last.
 */
export const addScript = `
local instances, heard, undated, ages, days, clients = unpack(KEYS, 1, 6)
local keep = tonumber(ARGV[5])
local seconds = tonumber(redis.call('TIME')[1])
local oldest = (seconds - keep * 86400) * 1000
local before = '(' .. string.format('%.0f', oldest / 60000)
local ttl = (keep + 1) * 86400
local most = 999999999999999

if (redis.call('HGET', instances, ARGV[1]) or '') ~= ARGV[2] then return 'changed' end
local stored = redis.call('HLEN', undated) + redis.call('HLEN', instances)
for _, key in ipairs({ heard, ages, days, clients }) do stored = stored + redis.call('ZCARD', key) end

local sums, order, taken, fresh, used = {}, {}, {}, {}, {}
local firstRow = 7 + tonumber(ARGV[6])
for i = firstRow, #ARGV, 9 do
  local name, at, topic, detail = ARGV[i], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), ARGV[i + 4]
  local first, last = tonumber(ARGV[i + 7]), tonumber(ARGV[i + 8])
  if topic > 0 then
    local key = KEYS[topic]
    fresh[topic] = fresh[topic] or {}
    taken[topic] = taken[topic] or redis.call('ZCOUNT', key, before:sub(2), '+inf')
    local known = fresh[topic][detail]
    if not known then
      local score = redis.call('ZSCORE', key, detail)
      known = score and tonumber(score) >= tonumber(before:sub(2))
    end
    if not known and taken[topic] >= tonumber(ARGV[i + 5]) then
      name = ARGV[i + 1]
    else
      if not known then taken[topic] = taken[topic] + 1 end
      fresh[topic][detail] = true
      used[#used + 1] = { key, last, detail }
    end
  end
  sums[at] = sums[at] or {}
  local sum = sums[at][name]
  if not sum then
    local held = redis.call('HGET', KEYS[at], name)
    if held then
      local count, from, to = string.match(held, '^(%d+) (%d+) (%d+)$')
      if not count or #count > 15 or #from > 15 or #to > 15 then return 'rows' end
      sum = { tonumber(count), tonumber(from), tonumber(to) }
    else
      sum = { 0, first, last }
    end
    sums[at][name] = sum
    order[#order + 1] = { at, name, sum }
  end
  sum[1] = math.min(sum[1] + tonumber(ARGV[i + 6]), most)
  sum[2] = math.min(sum[2], first)
  sum[3] = math.max(sum[3], last)
end

redis.call('HSET', instances, ARGV[1], ARGV[3])
-- An instance that was not closed may still accept requests: only a person can say that it has ended.
if string.find(ARGV[3], '"closed":true', 1, true) then
  redis.call('ZADD', heard, ARGV[4], ARGV[1])
else
  redis.call('ZREM', heard, ARGV[1])
end
for _, row in ipairs(order) do
  local at, name, sum = row[1], row[2], row[3]
  redis.call('HSET', KEYS[at], name, string.format('%.0f %.0f %.0f', sum[1], sum[2], sum[3]))
  if at == 3 then redis.call('ZADD', ages, sum[3], name) end
end
for at in pairs(sums) do
  if at ~= 3 then
    redis.call('EXPIRE', KEYS[at], ttl)
    redis.call('ZADD', days, seconds, string.sub(KEYS[at], -10))
  end
end
redis.call('ZREMRANGEBYSCORE', days, '-inf', '(' .. (seconds - ttl))
-- A list of clients that was started while nothing was stored is complete. A lost list is not restarted.
if stored == 0 then redis.call('ZADD', clients, '+inf', '') end
-- By the clock of Redis too: by that of a guard that is years behind, its clients would be too old at once.
for i = 7, firstRow - 1 do redis.call('ZADD', clients, math.floor(seconds / 60), ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', clients, '-inf', before)
for topic in pairs(fresh) do redis.call('ZREMRANGEBYSCORE', KEYS[topic], '-inf', before) end
for _, one in ipairs(used) do
  local score = redis.call('ZSCORE', one[1], one[3])
  if not score or tonumber(score) < one[2] then redis.call('ZADD', one[1], one[2], one[3]) end
end
for topic in pairs(fresh) do redis.call('EXPIRE', KEYS[topic], ttl) end

-- As many as a batch can add, so that deleting keeps pace and never takes long.
for _, name in ipairs(redis.call('ZRANGEBYSCORE', ages, '-inf', before, 'LIMIT', 0, 1000)) do
  redis.call('HDEL', undated, name)
  redis.call('ZREM', ages, name)
end
local silent = '(' .. string.format('%.0f', oldest)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', heard, '-inf', silent, 'LIMIT', 0, 100)) do
  redis.call('HDEL', instances, name)
  redis.call('ZREM', heard, name)
end
-- All keys expire: if Redis evicts keys with a lifetime, the instances must not be the only ones left.
for _, key in ipairs({ instances, heard, undated, ages, days, clients }) do redis.call('EXPIRE', key, ttl) end
return 'added'
`;
