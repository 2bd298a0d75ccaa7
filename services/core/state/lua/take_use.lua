-- Take one use of a ticket for an upload that begins. Uses of uploads that died before they were counted are free again.
-- KEYS uses: of this ticket
-- ARGV upload: its id
-- ARGV alive: the key that is there as long as the upload can still go on
-- ARGV most: uploads that the ticket allows
-- ARGV ends: when this upload does not need the record any more, seconds since 1970
-- Returns 1 if there was one, else 0
if redis.call('HEXISTS', uses, upload) == 1 then
  return 1  -- It was sent twice, because the answer was lost.
end
local taken, found = 0, redis.call('HGETALL', uses)
for at = 1, #found, 2 do
  if found[at + 1] == 'counted' or redis.call('EXISTS', found[at + 1]) == 1 then
    taken = taken + 1
  else
    redis.call('HDEL', uses, found[at])
  end
end
if taken >= tonumber(most) then
  return 0
end
redis.call('HSET', uses, upload, alive)
if redis.call('TTL', uses) < tonumber(ends) - redis.call('TIME')[1] then  -- Another upload may need it for longer.
  redis.call('EXPIREAT', uses, ends)
end
return 1
