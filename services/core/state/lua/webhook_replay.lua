-- Have dead letters of a webhook wait again, before what waits of their assets since.
-- USES webhook_lanes
-- KEYS state, lanes, order, due, numbers, waiting, dead
-- ARGV now: milliseconds since 1970
-- ARGV letters: as JSON, for each its id, the number of the event, its paths, and the rest of what is kept
-- Returns how many wait again
local held = webhook_lanes(lanes, order, due, numbers, waiting)
local count = 0
for _, letter in ipairs(redis.call('EXISTS', state) == 1 and cjson.decode(letters) or {}) do
  local id, number, paths, rest = unpack(letter)
  -- One that waits already is the same event.
  if redis.call('XDEL', dead, id) == 1 and redis.call('HEXISTS', waiting, number) == 0 then
    held.enter(number, paths, rest, now)
    count = count + 1
  end
end
return count
