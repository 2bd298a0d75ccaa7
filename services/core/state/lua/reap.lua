-- Take over a claim that is obsolete, or whose owner is dead, to delete the stored object it speaks of.
-- KEYS entries, claims, alive key of the owner
-- ARGV storage key, claim as read, uuid, claim of the reaper, 1 when the claim is on a file that is replaced in place
-- Returns 1 when the object needs care, 0 when it is in use
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] or redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
local raw = ARGV[3] ~= '' and redis.call('HGET', KEYS[1], ARGV[3])
if ARGV[5] == '0' and raw and cjson.decode(raw).storage_key == ARGV[1] then
  redis.call('HDEL', KEYS[2], ARGV[1])
  return 0
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
return 1
