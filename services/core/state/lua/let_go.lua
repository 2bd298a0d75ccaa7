-- Let go a retired object; of a deleted asset, its earlier versions too.
-- USES counting, retiring
-- KEYS retired, versions, trash, claims, usage, counted
-- ARGV storage_key
-- ARGV number: that of the change that retired it
-- ARGV of_group
-- Returns the entry key and the storage key of each object that is left behind; none if it is not retired since that
--   change, or belongs to another group by now. If it has been let go and is not deleted yet: those of this object
local objects = retiring(retired, versions, trash, claims, counting(usage, counted))
local known = redis.call('HGET', retired, storage_key)
if not known then
  -- It may have been sent twice, because the answer was lost. The reaper deletes the earlier versions then.
  local entry_key = string.match(redis.call('HGET', claims, storage_key) or '', '^obsolete (%S+)$')
  return entry_key and {entry_key .. ' ' .. storage_key} or {}
end
local since, group = objects.parts_of(known)
if since ~= number or group ~= of_group then
  return {}
end
local gone = group == number and objects.versions_of(group) or {}
gone[#gone + 1] = storage_key
for at, one in ipairs(gone) do
  gone[at] = objects.let_go(one)
end
return gone
