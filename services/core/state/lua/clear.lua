-- Remove all entries at one instant. They are put aside for their readers.
-- USES count_anew, log_change, put_aside, sent_before
-- KEYS entries, order, expiry, uuids, revision, changes, epoch
-- KEYS moved, old_paths, usage
-- ARGV aside: prefix of what is put aside
-- ARGV read_seconds: for so long it can be read
-- ARGV aside_seconds: for so long it stays
-- ARGV kept: changes that stay in the log
-- ARGV confirmed: number of entries that there must be, '' if it is not given
-- ARGV unconfirmed_max: without it, remove no more than that; no bound if it is negative
-- ARGV write: a unique token of this call
-- ARGV request_id, traceparent, who
-- Returns {1 if it was done, number of entries, number of the change ('' if there were none)}
local before, fields = sent_before(changes, write)
if before then
  return {1, tonumber(fields.count), before}
end
local count = redis.call('HLEN', entries)
local most = tonumber(unconfirmed_max)
if confirmed ~= '' then
  if tonumber(confirmed) ~= count then
    return {0, count, ''}
  end
elseif most >= 0 and count > most then
  return {0, count, ''}
end
if count == 0 then
  return {1, 0, ''}
end
put_aside(entries, order, expiry, uuids, epoch, aside, read_seconds, aside_seconds)
-- Nobody is led to an asset that is gone.
redis.call('UNLINK', moved, old_paths)
count_anew(usage, '')
local event = '["catalog.replaced",{"count":' .. count .. '},{"cause":"emptied","count":0}]'
local change = log_change(changes, revision, kept, 'kind', 'replaced', 'count', count, 'write', write,
  'request_id', request_id, 'traceparent', traceparent, 'who', who, 'event', event)
redis.call('SET', epoch, change)
return {1, count, change}
