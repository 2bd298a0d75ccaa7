-- Count some more of what is not counted yet. What is written meanwhile is counted by its own script.
-- USES counting
-- KEYS entries, order, retired, usage, counted
-- ARGV count: entries, or retired objects, that are counted in one step
-- ARGV again_seconds: for so long after it began, everything has to be counted once more; '' for not at all
-- Returns 1 if everything is counted, else 0
local upto, at = unpack(redis.call('HMGET', usage, 'upto', 'at'))
if not upto then
  upto = '0'
  redis.call('HSET', usage, 'upto', upto)
  if again_seconds ~= '' and redis.call('EXISTS', entries) == 1 then
    redis.call('HSET', usage, 'again', redis.call('TIME')[1] + again_seconds)
  end
end
if not at then
  at = '0'
  redis.call('DEL', counted)
  redis.call('HSET', usage, 'at', at)
end
if upto ~= 'all' then
  local found = redis.call('ZRANGE', order, '(' .. upto, '+inf', 'BYSCORE', 'LIMIT', 0, count, 'WITHSCORES')
  redis.call('HSET', usage, 'upto', found[#found] or 'all')
  local counts = counting(usage, counted)
  for place = 1, #found, 2 do
    local entry = cjson.decode(redis.call('HGET', entries, found[place]))
    counts.change(found[place + 1], entry.namespace, entry.size, 1)
  end
  return 0
end
if at ~= 'all' then
  local cursor, found = unpack(redis.call('HSCAN', retired, at, 'COUNT', count))
  local counts = counting(usage, counted)
  for place = 1, #found, 2 do
    counts.retire(found[place], string.match(found[place + 1], '^%d+ %S+ %d+ %S+ (.*)$'))
  end
  redis.call('HSET', usage, 'at', cursor == '0' and 'all' or cursor)
  if cursor ~= '0' then
    return 0
  end
  redis.call('DEL', counted)
end
return 1
