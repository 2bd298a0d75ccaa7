-- Add to a claim what its writer is about to do, unless the claim has been lost.
-- KEYS claims
-- ARGV storage_key
-- ARGV claim: its value
-- ARGV intended: its value with the entry that the writer will make
-- Returns 1 unless the claim has been lost
if redis.call('HGET', claims, storage_key) ~= claim then
  return 0
end
redis.call('HSET', claims, storage_key, intended)
return 1
