-- Create, change or delete one entry, at one instant with everything that must follow from it.
-- Compare and set on the stored bytes: nothing is written unless the entry still is what the writer read.
-- KEYS entries, order, expiry, sequence, revision, claims, changes, undescribed
-- ARGV uuid, expected ('' none), wanted ('' delete), expiry score ('' none),
--      claimed key ('' none), claim, obsolete key ('' none), unique name,
--      kind of the change (changes.py), 1 when facts about the picture are to be found out,
--      changes that are kept, name under which the upload is delivered, request id, traceparent
-- Needs log_change.lua before it.
-- Returns {'written', number of the change} or {'conflict', current ('' none)} or {'unclaimed', ''}
local uuid, expected, wanted, score = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local claimed, claim, obsolete, unique_name = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local kind, described = ARGV[9], ARGV[10]
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
if described == '1' then
  redis.call('XADD', KEYS[8], '*', 'uuid', uuid)
end
return {'written', log_change(KEYS[7], KEYS[5], ARGV[11], 'kind', kind, 'uuid', uuid, 'unique_name', unique_name,
  'original_name', ARGV[12], 'request_id', ARGV[13], 'traceparent', ARGV[14])}
