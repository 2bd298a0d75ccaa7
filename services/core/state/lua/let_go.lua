-- Let go a retired object; of a deleted asset, its earlier versions too.
-- USES retiring
-- KEYS retired, versions, trash, claims
-- ARGV storage_key
-- ARGV number: that of the change that retired it
-- ARGV of_group
-- Returns the entry key and the storage key of each object that is left behind; none if it is not retired since that
--   change, or belongs to another group by now
local objects = retiring(retired, versions, trash, claims)
local since, group = objects.parts_of(redis.call('HGET', retired, storage_key) or '')
if since ~= number or group ~= of_group then
  return {}
end
local gone = group == number and objects.versions_of(group) or {}
gone[#gone + 1] = storage_key
for at, one in ipairs(gone) do
  gone[at] = objects.let_go(one)
end
return gone
