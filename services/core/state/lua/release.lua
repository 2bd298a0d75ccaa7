-- Give up a claim, unless somebody else holds it by now.
-- KEYS claims
-- ARGV storage_key
-- ARGV claim: its value
if redis.call('HGET', claims, storage_key) == claim then
  redis.call('HDEL', claims, storage_key)
end
