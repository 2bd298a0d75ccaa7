-- Take over a claim that is obsolete, or on which no process works, to settle the stored object that it names.
-- KEYS entries, reductions, claims, retired
-- KEYS alive: that of the owner
-- ARGV storage_key
-- ARGV claim: its value as it was read
-- ARGV entry_key
-- ARGV mine: the value of the reaper's claim
-- ARGV in_place: 1 if the claim is on a file that is replaced in place, else 0
-- Returns 1 if the object must be settled, 0 if it is in use
local value = redis.call('HGET', claims, storage_key)
-- The reaper has it already if this was sent twice, because the answer was lost.
if value ~= mine and (value ~= claim or redis.call('EXISTS', alive) == 1) then
  return 0
end
for _, referring in ipairs({entries, reductions}) do
  local raw = entry_key ~= '' and redis.call('HGET', referring, entry_key)
  if in_place == '0' and raw and cjson.decode(raw).storage_key == storage_key then
    redis.call('HDEL', claims, storage_key)
    return 0
  end
end
if redis.call('HEXISTS', retired, storage_key) == 1 then
  redis.call('HDEL', claims, storage_key)
  return 0
end
redis.call('HSET', claims, storage_key, mine)
return 1
