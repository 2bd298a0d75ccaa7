-- Put a staged catalog in the place of the live one at one instant. The live one is put aside.
-- USES count_anew, log_change, put_aside, sent_before
-- KEYS entries, order, expiry, uuids, sequence, revision, changes, epoch, undescribed
-- KEYS moved, old_paths, usage
-- KEYS staged_entries, staged_order, staged_expiry, staged_uuids, staged_moved, staged_old_paths
-- ARGV count: entries that were staged
-- ARGV counts: namespace, bytes and entries of each namespace
-- ARGV only_untouched: 1 if the live catalog must never have been written to, else 0
-- ARGV aside: prefix of what is put aside
-- ARGV read_seconds: for so long it can be read
-- ARGV aside_seconds: for so long it stays
-- ARGV kept: changes that stay in the log
-- ARGV write: a unique token of this call
-- ARGV request_id, traceparent, who
-- Returns {'restored', number of the change} or {'lost', ''} if not all is staged, or {'taken', ''}
local before = sent_before(changes, write)
if before then
  return {'restored', before}
end
count = tonumber(count)
if redis.call('HLEN', staged_entries) ~= count or redis.call('ZCARD', staged_order) ~= count then
  return {'lost', ''}
end
if only_untouched == '1' and redis.call('EXISTS', entries, revision) > 0 then
  return {'taken', ''}
end
local event = '["catalog.replaced",{"count":' .. redis.call('HLEN', entries) .. '},{"cause":"restored","count":'
  .. string.format('%.0f', count) .. '}]'
put_aside(entries, order, expiry, uuids, epoch, aside, read_seconds, aside_seconds)
-- The creation numbers are given anew: nobody is led to another asset.
redis.call('UNLINK', moved, old_paths)
local switched = {{staged_entries, entries}, {staged_order, order}, {staged_expiry, expiry}, {staged_uuids, uuids},
  {staged_moved, moved}, {staged_old_paths, old_paths}}
for _, pair in ipairs(switched) do
  if redis.call('EXISTS', pair[1]) == 1 then
    redis.call('RENAME', pair[1], pair[2])
    redis.call('PERSIST', pair[2])
  end
end
count_anew(usage, counts)
-- Numbers only grow: one that was given is never given again.
if tonumber(redis.call('GET', sequence) or '0') < count then
  redis.call('SET', sequence, count)
end
-- What it has no facts about is described by a job.
redis.call('XADD', undescribed, '*', 'all', 1)
local change = log_change(changes, revision, kept, 'kind', 'replaced', 'write', write, 'request_id', request_id,
  'traceparent', traceparent, 'who', who, 'event', event)
redis.call('SET', epoch, change)
return {'restored', change}
