-- End what is known of retired objects to which an entry refers again, as after the restore of a dump.
-- USES counting, retiring
-- KEYS entries, retired, versions, trash, claims, usage, counted
-- ARGV storage_keys...
local objects = retiring(retired, versions, trash, claims, counting(usage, counted))
for _, storage_key in ipairs(storage_keys) do
  local known = redis.call('HGET', retired, storage_key)
  if known then
    local _, _, _, entry_key, raw = objects.parts_of(known)
    local entry = objects.entry_of(entries, storage_key, entry_key)
    if entry and objects.has_bytes_of(entry, raw) then
      objects.take_back(storage_key)
    end
  end
end
