--- Counts the results of cache lookups in each worker of nginx, and answers them at the port for metrics.

local forms = require "tada.forms"
local generations = require "tada.generations"

local FLUSH_SECONDS = 1

local _M = {}

local dict
local counts = {}

local function label(tier, cache, class)
    return string.format('{tier="%s",cache="%s",status="%dxx"}', tier, cache:lower(), class)
end

--- Count this request.
function _M.count(tier)
    local cache, status = ngx.var.upstream_cache_status or "none", ngx.status
    local class = (status - status % 100) / 100
    if cache ~= "none" and cache ~= "BYPASS" and status < 400 then
        local form = ngx.var.cache_key
        if form and form ~= "" then
            forms.count(form, cache)
        end
    end
    local by_cache = counts[tier]
    if not by_cache then
        by_cache = {}
        counts[tier] = by_cache
    end
    local by_class = by_cache[cache]
    if not by_class then
        by_class = {}
        by_cache[cache] = by_class
    end
    by_class[class] = (by_class[class] or 0) + 1
end

local function flush()
    for tier, by_cache in pairs(counts) do
        for cache, by_class in pairs(by_cache) do
            for class, count in pairs(by_class) do
                dict:incr(label(tier, cache, class), count, 0)
            end
        end
    end
    counts = {}
end

--- Prepare one worker of nginx. `name` is the lua_shared_dict that adds up the counts of all workers.
function _M.open_worker(name)
    dict = ngx.shared[name]
    assert(ngx.timer.every(FLUSH_SECONDS, flush))
end

--- Answer with the metrics in the text format of Prometheus.
function _M.answer()
    flush()
    local position, current = generations.status()
    local lines = {
        "# HELP tada_gateway_requests_total Requests to this nginx, by tier, by what became of the cache, and by status.",
        "# TYPE tada_gateway_requests_total counter",
    }
    for _, key in ipairs(dict:get_keys(0)) do
        lines[#lines + 1] = string.format("tada_gateway_requests_total%s %d", key, dict:get(key))
    end
    lines[#lines + 1] = "# HELP tada_gateway_current 1 when a jobs worker has brought this node up to date."
    lines[#lines + 1] = "# TYPE tada_gateway_current gauge"
    lines[#lines + 1] = "tada_gateway_current " .. (current and 1 or 0)
    lines[#lines + 1] = "# HELP tada_gateway_position_seconds When the last change was made that this node has."
    lines[#lines + 1] = "# TYPE tada_gateway_position_seconds gauge"
    lines[#lines + 1] = string.format("tada_gateway_position_seconds %.6f", position / 1e6)
    ngx.header["Content-Type"] = "text/plain; version=0.0.4"
    ngx.print(table.concat(lines, "\n"), "\n")
end

return _M
