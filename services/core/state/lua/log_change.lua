-- Add a change to the log and return its number, as text: microseconds since 1970, and higher than every number before,
-- even if the clock was set back. A double holds it exactly. The log keeps the last changes; a node of the gateway that
-- lacks more than those starts cold.
local function log_change(changes, revision, kept, ...)
  local clock = redis.call('TIME')
  local said = redis.call('GET', revision) or '0-'
  local last = tonumber(string.match(said, '^%d+'))
  if string.find(said, '-', 1, true) then
    -- There is no revision, or the previous version wrote it in milliseconds: take the last number of the log.
    local entry = redis.call('XREVRANGE', changes, '+', '-', 'COUNT', 1)[1]
    last = math.max(last, entry and tonumber(string.match(entry[1], '^%d+')) or 0)
  end
  local number = string.format('%.0f', math.max(clock[1] * 1000000 + clock[2], last + 1))
  redis.call('XADD', changes, 'MAXLEN', '~', kept, number .. '-0', ...)
  redis.call('SET', revision, number)
  return number
end
