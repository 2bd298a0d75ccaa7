-- Retire objects as a dump knows them.
-- USES counting, retiring
-- KEYS entries, retired, versions, trash, claims, usage, counted
-- ARGV records...: of each object: 1 if its record takes the place of another one, else 0; its storage key; its record
-- Returns for each: 'retired'; 'entry' if an entry refers to it; 'record' if there is another record of it; 'other' if
--   there are other bytes under its key by now
local objects = retiring(retired, versions, trash, claims, counting(usage, counted))
local function retire(one)
  local replaces, storage_key, known = string.match(one, '^([01]) (%S+) (.*)$')
  local number, group, version, entry_key, raw = objects.parts_of(known)
  local entry = objects.entry_of(entries, storage_key, entry_key)
  local present = redis.call('HGET', retired, storage_key)
  if entry then
    return objects.has_bytes_of(entry, raw) and 'entry' or 'other'
  end
  if present == known then
    return 'retired'
  end
  if present then
    local _, _, _, _, present_raw = objects.parts_of(present)
    if not objects.has_bytes_of(cjson.decode(present_raw), raw) then
      return 'other'
    end
    if replaces == '0' then
      return 'record'
    end
  end
  objects.retire(storage_key, number, group, version, entry_key, raw)
  -- It was to be deleted, and nobody has begun with that.
  if string.find(redis.call('HGET', claims, storage_key) or '', '^obsolete ') then
    redis.call('HDEL', claims, storage_key)
  end
  return 'retired'
end
local outcomes = {}
for at, one in ipairs(records) do
  outcomes[at] = retire(one)
end
return outcomes
