-- Change the value of a claim, unless the claim has been lost.
-- KEYS claims
-- ARGV storage_key
-- ARGV claim: its value
-- ARGV wanted: the value that it gets
-- Returns 1 unless the claim has been lost
local value = redis.call('HGET', claims, storage_key)
if value == wanted then
  return 1  -- It was sent twice, because the answer was lost.
end
if value ~= claim then
  return 0
end
redis.call('HSET', claims, storage_key, wanted)
return 1
