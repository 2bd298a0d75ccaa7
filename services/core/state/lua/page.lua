-- One page of the catalog in creation order, without the numbers at or below `after` and above `last`.
-- A reader that goes on reads the catalog of the epoch it began with: the live one, or the one put aside since.
-- KEYS live_entries, live_order, live_epoch
-- ARGV wanted_epoch: '' for the live one
-- ARGV after
-- ARGV up_to: '' for the youngest entry there is
-- ARGV count
-- ARGV most_bytes: of all entries of the page together, unless one alone has more
-- ARGV aside: prefix of what is put aside
-- Returns {epoch ('' if it is gone), last, number of the last entry read ('' if there was none), entries…}
local entries, order = live_entries, live_order
local live = redis.call('GET', live_epoch) or '0'
local epoch = wanted_epoch == '' and live or wanted_epoch
if epoch ~= live then
  local old = aside .. epoch
  if redis.call('EXISTS', old) == 0 then
    return {'', '', ''}
  end
  entries, order = old .. ':entries', old .. ':order'
end
local last = up_to
if last == '' then
  last = redis.call('ZRANGE', order, 0, 0, 'REV', 'WITHSCORES')[2] or '0'
end
local found = redis.call('ZRANGE', order, '(' .. after, last, 'BYSCORE', 'LIMIT', 0, count, 'WITHSCORES')
if #found == 0 then
  return {epoch, last, ''}
end
local entry_keys = {}
for at = 1, #found, 2 do
  entry_keys[#entry_keys + 1] = found[at]
end
-- A few at a time: entries with long texts, as there were before texts had a limit, are not all read for one page.
local page, size, number = {}, 0, ''
for first = 1, #entry_keys, 16 do
  local some = redis.call('HMGET', entries, unpack(entry_keys, first, math.min(first + 15, #entry_keys)))
  for at, raw in ipairs(some) do
    local bytes = raw and #raw or 0
    if size > 0 and size + bytes > tonumber(most_bytes) then
      return {epoch, last, number, unpack(page)}
    end
    number = found[2 * (first + at - 1)]
    size = size + bytes
    page[#page + 1] = raw or nil
  end
end
return {epoch, last, number, unpack(page)}
