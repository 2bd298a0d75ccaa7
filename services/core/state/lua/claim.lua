-- Claim a storage key to write to: the plain key of the asset if it is free, else the spare one.
-- KEYS entries, claims
-- ARGV uuid, plain, spare
-- ARGV claim: its value
-- Returns the key that is claimed
local raw = redis.call('HGET', entries, uuid)
local used = raw and cjson.decode(raw).storage_key == plain
if not used and redis.call('HSETNX', claims, plain, claim) == 1 then
  return plain
end
redis.call('HSET', claims, spare, claim)
return spare
