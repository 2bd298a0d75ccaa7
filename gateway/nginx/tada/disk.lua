--- Deletes copies that no request can reach any more. Copies of deleted assets are deleted at once if their addresses
-- are known. A walk through the cache finds the others. A walk takes less than a day.
--
-- nginx deletes a file itself, by the purge location, because it counts the size of its cache.

local generations = require "tada.generations"

local FOLDERS = 4096 -- levels=1:2 of proxy_cache_path
local STEP_SECONDS = 15 -- 4096 of them are 17 hours
local THREADS = "tada"

local _M = {}

local settings

--- Remember the address of this nginx, for all its workers. They send purge requests to it.
function _M.know_address(address, port)
    settings.dict:set("address_of_self", address)
    settings.dict:set("port_of_self", tonumber(port))
end

local function forget(keys)
    local address, port = settings.dict:get("address_of_self"), settings.dict:get("port_of_self")
    for _, key in ipairs(keys) do
        local socket = ngx.socket.tcp()
        socket:settimeout(5000)
        local ok, why = socket:connect(address, port)
        if ok then
            ok, why = socket:send({
                "GET /purge/ HTTP/1.0\r\nX-Purge-Token: ", settings.token, "\r\nX-Stored-Key: ", key, "\r\n\r\n",
            })
        end
        if ok then
            socket:receive("*a")
        end
        socket:close()
        if not ok then
            return ngx.log(ngx.WARN, "disk: deleted assets stay on the disk until the walk finds them: ", why)
        end
    end
end

--- Delete the copies of some keys, after the answer to this request.
function _M.forget_soon(keys)
    if #keys > 0 then
        ngx.timer.at(0, function(_, gone) forget(gone) end, keys)
    end
end

local function walk_by(number)
    local folder = string.format("%s/%x/%02x", settings.store, number % 16, math.floor(number / 16))
    local ok, keys = ngx.run_worker_thread(THREADS, "tada.stored", "keys", folder)
    if not ok then
        return ngx.log(ngx.ERR, "disk: the folder of the cache cannot be read: ", keys)
    end
    local stale = {}
    for key in keys:gmatch("[^\n]+") do
        if generations.is_stale(key) then
            stale[#stale + 1] = key
        end
    end
    forget(stale)
end

--- Start the walk, in the first worker of nginx. `options`: store (the folder of the cache), token, dict (a name).
function _M.open_worker(options)
    settings = options
    settings.dict = ngx.shared[options.dict]
    if ngx.worker.id() ~= 0 then
        return
    end
    local number = 0
    assert(ngx.timer.every(settings.step or STEP_SECONDS, function(premature)
        local _, current = generations.status()
        if not premature and current and settings.dict:get("port_of_self") then
            walk_by(number % FOLDERS)
            number = number + 1
        end
    end))
end

return _M
