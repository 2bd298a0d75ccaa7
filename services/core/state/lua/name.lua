-- Have entries found by the MD5 of their paths.
-- KEYS entries, uuids
-- ARGV wanted...: for each entry its key, and the MD5 of its path
-- Returns how many were not found by it before
local named = 0
for at = 1, #wanted, 2 do
  local entry_key, name = wanted[at], wanted[at + 1]
  if redis.call('HGET', uuids, name) ~= entry_key and redis.call('HEXISTS', entries, entry_key) == 1 then
    redis.call('HSET', uuids, name, entry_key)
    named = named + 1
  end
end
return named
