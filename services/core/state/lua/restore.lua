-- Put a staged catalog in the place of the live one at one instant. The live one is put aside.
-- USES log_change, put_aside, retiring, sent_before
-- KEYS entries, order, expiry, uuids, sequence, revision, changes, epoch, undescribed
-- KEYS retired, versions, trash, claims
-- KEYS staged_entries, staged_order, staged_expiry, staged_uuids, staged_retired
-- ARGV count: entries that were staged
-- ARGV retired_count: retired objects that were staged
-- ARGV only_untouched: 1 if the live catalog must never have been written to, else 0
-- ARGV aside: prefix of what is put aside
-- ARGV read_seconds: for so long it can be read
-- ARGV aside_seconds: for so long it stays
-- ARGV kept: changes that stay in the log
-- ARGV write: a unique token of this call
-- ARGV request_id, traceparent
-- Returns {'restored', number of the change, how many of the staged objects are retired now}, or {'lost', '', 0} if not
--   all is staged, or {'taken', '', 0}
local before, fields = sent_before(changes, write)
if before then
  return {'restored', before, tonumber(fields.retired_count)}
end
count = tonumber(count)
if redis.call('HLEN', staged_entries) ~= count or redis.call('ZCARD', staged_order) ~= count
  or redis.call('HLEN', staged_retired) ~= tonumber(retired_count) then
  return {'lost', '', 0}
end
if only_untouched == '1' and redis.call('EXISTS', entries, revision) > 0 then
  return {'taken', '', 0}
end
local objects = retiring(retired, versions, trash, claims)
local function entry_with(storage_key, entry_key)
  local raw = redis.call('HGET', entries, entry_key)
  -- Most entries do not have the key anywhere, and decoding one costs much more than a look.
  local entry = raw and string.find(raw, storage_key, 1, true) and cjson.decode(raw)
  return entry and entry.storage_key == storage_key and entry
end
local function signature_of(raw)
  return cjson.decode(raw).signature
end
-- Since the dump, a key may have got other bytes: those of a present entry, or of what is retired now.
local back = {}
local staged = redis.call('HGETALL', staged_retired)
for at = 1, #staged, 2 do
  local storage_key, said = staged[at], staged[at + 1]
  local _, _, _, entry_key, raw = objects.parts_of(said)
  local entry, present = entry_with(storage_key, entry_key), redis.call('HGET', retired, storage_key)
  local other = entry and entry.signature ~= signature_of(raw)
  if present and present ~= said then
    local _, _, _, _, raw_now = objects.parts_of(present)
    other = other or signature_of(raw_now) ~= signature_of(raw)
  end
  if not other then
    back[storage_key] = said
  end
end
put_aside(entries, order, expiry, uuids, epoch, aside, read_seconds, aside_seconds)
local moved = {{staged_entries, entries}, {staged_order, order}, {staged_expiry, expiry}, {staged_uuids, uuids}}
for _, pair in ipairs(moved) do
  if redis.call('EXISTS', pair[1]) == 1 then
    redis.call('RENAME', pair[1], pair[2])
    redis.call('PERSIST', pair[2])
  end
end
-- An object has one owner: if a restored entry refers to it, it is not retired.
local known = redis.call('HGETALL', retired)
for at = 1, #known, 2 do
  local storage_key = known[at]
  local _, _, _, entry_key, raw = objects.parts_of(known[at + 1])
  local entry = entry_with(storage_key, entry_key)
  if entry and entry.signature == signature_of(raw) then
    objects.take_back(storage_key)
  end
end
local restored = 0
for storage_key, said in pairs(back) do
  local number, group, version, entry_key, raw = objects.parts_of(said)
  if not entry_with(storage_key, entry_key) then
    objects.retire(storage_key, number, group, version, entry_key, raw)
    restored = restored + 1
    -- It was to be deleted, and nobody has begun with that.
    if string.find(redis.call('HGET', claims, storage_key) or '', '^obsolete ') then
      redis.call('HDEL', claims, storage_key)
    end
  end
end
-- Numbers only grow: one that was given is never given again.
if tonumber(redis.call('GET', sequence) or '0') < count then
  redis.call('SET', sequence, count)
end
-- What it has no facts about is described by a job.
redis.call('XADD', undescribed, '*', 'all', 1)
local change = log_change(changes, revision, kept, 'kind', 'replaced', 'retired_count', restored, 'write', write,
  'request_id', request_id, 'traceparent', traceparent)
redis.call('SET', epoch, change)
return {'restored', change, restored}
