-- Claim a storage key to write to: the plain key of the asset if it is free, else the spare one.
-- KEYS entries, claims, retired
-- KEYS late_delete: present while a delete of an object under the plain key may still be carried out
-- ARGV entry_key, plain, spare
-- ARGV claim: its value, which no other claim has
-- Returns the key that is claimed
if redis.call('HGET', claims, plain) == claim then
  return plain  -- It was sent twice, because the answer was lost.
end
if redis.call('HGET', claims, spare) == claim then
  return spare
end
local raw = redis.call('HGET', entries, entry_key)
local used = raw and cjson.decode(raw).storage_key == plain or redis.call('HEXISTS', retired, plain) == 1
  or redis.call('EXISTS', late_delete) == 1
if not used and redis.call('HSETNX', claims, plain, claim) == 1 then
  return plain
end
redis.call('HSET', claims, spare, claim)
return spare
