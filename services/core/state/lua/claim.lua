-- Claim a storage key to write to: the plain key of the asset when it is free, else the spare one.
-- KEYS entries, claims   ARGV uuid, plain key, spare key, claim
local raw = redis.call('HGET', KEYS[1], ARGV[1])
local used = raw and cjson.decode(raw).storage_key == ARGV[2]
if not used and redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[4]) == 1 then
  return ARGV[2]
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return ARGV[3]
