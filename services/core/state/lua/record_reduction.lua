-- Record the reduction of an entry's picture, and give up the claim on its object, in one step: only if the entry still
-- refers to the bytes that it shows. One from before is left behind.
-- USES leave_reduction
-- KEYS entries, reductions, claims
-- ARGV entry_key
-- ARGV signature: of the bytes that the reduction shows
-- ARGV storage_key: that of the reduction
-- ARGV claim: the value of the writer's claim on it
-- ARGV record
-- Returns 1 if it is recorded, else 0: the writer still has its claim, or has lost it
if redis.call('HGET', reductions, entry_key) == record then
  return 1  -- It was sent twice, because the answer was lost.
end
local raw = redis.call('HGET', entries, entry_key)
if redis.call('HGET', claims, storage_key) ~= claim or not raw or cjson.decode(raw).signature ~= signature then
  return 0
end
leave_reduction(reductions, claims, entry_key)
redis.call('HDEL', claims, storage_key)
redis.call('HSET', reductions, entry_key, record)
return 1
