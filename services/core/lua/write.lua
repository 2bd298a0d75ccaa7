-- Create, change or delete one entry, at one instant with everything that must follow from it.
-- Compare and set on the stored bytes: nothing is written unless the entry still is what the writer read.
-- KEYS entries, order, expiry, sequence, revision, claims, changes, undescribed
-- ARGV uuid, expected ('' none), wanted ('' delete), expiry score ('' none),
--      claimed key ('' none), claim, obsolete key ('' none), unique name,
--      what it means: 'file' when facts about the picture are to be found out, 'facts' when they have been, else '',
--      request id, traceparent
-- Returns {'written', change id} or {'conflict', current ('' none)} or {'unclaimed', ''}
local uuid, expected, wanted, score = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local claimed, claim, obsolete, unique_name, meaning = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local current = redis.call('HGET', KEYS[1], uuid) or ''
if current ~= expected then
  return {'conflict', current}
end
if claimed ~= '' then
  -- Whoever was taken for dead has lost its claim and, with it, the stored bytes.
  if redis.call('HGET', KEYS[6], claimed) ~= claim then
    return {'unclaimed', ''}
  end
  redis.call('HDEL', KEYS[6], claimed)
end
if obsolete ~= '' then
  redis.call('HSET', KEYS[6], obsolete, 'obsolete ' .. uuid .. ' ' .. current)
end
if wanted == '' then
  redis.call('HDEL', KEYS[1], uuid)
  redis.call('ZREM', KEYS[2], uuid)
else
  redis.call('HSET', KEYS[1], uuid, wanted)
  if current == '' then
    redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[4]), uuid)
  end
end
if wanted == '' or score == '' then
  redis.call('ZREM', KEYS[3], uuid)
else
  redis.call('ZADD', KEYS[3], score, uuid)
end
local said = {'uuid', uuid, 'unique_name', unique_name, 'obsolete', obsolete,
  'request_id', ARGV[10], 'traceparent', ARGV[11]}
if meaning == 'facts' then
  said[#said + 1], said[#said + 2] = 'facts', 1
elseif meaning == 'file' then
  redis.call('XADD', KEYS[8], '*', 'uuid', uuid)
end
local change = redis.call('XADD', KEYS[7], '*', unpack(said))
redis.call('SET', KEYS[5], change)
return {'written', change}
