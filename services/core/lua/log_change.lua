-- Add a change to the log and return its number, as text: microseconds since 1970, and higher than every number before,
-- whatever the clock says. A double holds it exactly. The log keeps the last changes; a node of the gateway that lacks
-- more than those starts cold.
local function log_change(changes, revision, kept, ...)
  local clock = redis.call('TIME')
  local last = tonumber(string.match(redis.call('GET', revision) or '0', '^%d+'))
  local number = string.format('%.0f', math.max(clock[1] * 1000000 + clock[2], last + 1))
  redis.call('XADD', changes, 'MAXLEN', '~', kept, number .. '-0', ...)
  redis.call('SET', revision, number)
  return number
end
