-- Return functions for what waits of a webhook, by these keys: see core/webhooks/waiting.py. Events of one asset are in
-- one lane, by their numbers. A lane is named by the number of an event, and every path of which something waits leads to
-- one: `lanes` has its name, and how many events the path has. `due` has when the first event of a lane is to be sent,
-- milliseconds since 1970. What waits under a number are the paths of the event, and in the next lines the rest.
local function webhook_lanes(lanes, order, due, numbers, waiting)
  local own = {}

  local function lane_of(path)
    local told = redis.call('HGET', lanes, path)
    if told then
      return string.match(told, '^(%d+) (%d+)$')
    end
  end

  local function members_of(lane)
    return redis.call('ZRANGE', order, '[' .. lane .. ':', '(' .. lane .. ';', 'BYLEX')
  end

  function own.first(lane)
    local found = redis.call('ZRANGE', order, '[' .. lane .. ':', '(' .. lane .. ';', 'BYLEX', 'LIMIT', 0, 1)
    return found[1] and string.match(found[1], '%d+$')
  end

  function own.paths_of(value)
    return string.match(value, '^[^\n]*')
  end

  function own.lane_of_value(value)
    return (lane_of(string.match(value, '^%S+')))
  end

  -- An event has paths of two lanes, as a move has: both become one.
  local function join(lane, other)
    for _, member in ipairs(members_of(other)) do
      local number = string.match(member, '%d+$')
      for path in string.gmatch(own.paths_of(redis.call('HGET', waiting, number)), '%S+') do
        local _, count = lane_of(path)
        redis.call('HSET', lanes, path, lane .. ' ' .. count)
      end
      redis.call('ZREM', order, member)
      redis.call('ZADD', order, 0, lane .. ':' .. number)
    end
    local at = redis.call('ZSCORE', due, other)
    redis.call('ZREM', due, other)
    redis.call('ZADD', due, 'LT', at, lane)
  end

  function own.enter(number, paths, rest, now)
    local lane
    for path in string.gmatch(paths, '%S+') do
      local other = lane_of(path)
      if lane and other and other ~= lane then
        join(lane, other)
      end
      lane = lane or other
    end
    lane = lane or number
    for path in string.gmatch(paths, '%S+') do
      local _, count = lane_of(path)
      redis.call('HSET', lanes, path, string.format('%s %d', lane, (count or 0) + 1))
    end
    redis.call('ZADD', order, 0, lane .. ':' .. number)
    redis.call('ZADD', due, 'NX', now, lane)
    redis.call('ZADD', numbers, number, number)
    redis.call('HSET', waiting, number, paths .. '\n' .. rest)
  end

  -- An event need not wait any more. If it was the first of its lane, the next one can be sent.
  function own.leave(number, value, now)
    local lane = own.lane_of_value(value)
    local was_first = own.first(lane) == number
    redis.call('ZREM', order, lane .. ':' .. number)
    redis.call('ZREM', numbers, number)
    redis.call('HDEL', waiting, number)
    for path in string.gmatch(own.paths_of(value), '%S+') do
      local _, count = lane_of(path)
      if tonumber(count) > 1 then
        redis.call('HSET', lanes, path, string.format('%s %d', lane, count - 1))
      else
        redis.call('HDEL', lanes, path)
      end
    end
    if not own.first(lane) then
      redis.call('ZREM', due, lane)
    elseif was_first then
      redis.call('ZADD', due, now, lane)
    end
  end

  return own
end
