--- Walks through the cache of this node.
--
-- Copies that no request can reach any more are deleted. Those of deleted assets are deleted at once if their addresses
-- are known. A slow walk finds the others. It takes less than a day. After a start there is a quick walk, which only
-- notes what is stored.
--
-- nginx deletes a file itself, by the purge location, because it counts the size of its cache.

local forms = require "tada.forms"
local generations = require "tada.generations"

local FOLDERS = 4096 -- levels=1:2 of proxy_cache_path
local STEP_SECONDS = 15 -- 4096 of them are 17 hours
local AT_ONCE = 16 -- folders in a step of the quick walk: 256 steps
local REST = 4 -- for so long it rests after a step, in times of that step
local REST_SECONDS = 0.01 -- and at least so long
local NOTED_AT_ONCE = 200 -- then requests go first
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

local function folder_of(number)
    return string.format("%s/%x/%02x", settings.store, number % 16, math.floor(number / 16))
end

local function note(keys)
    local noted = 0
    for key in keys:gmatch("[^\n]+") do
        local form = generations.form_of(key)
        if form then
            while not forms.note(form) do
                ngx.sleep(0.001)
            end
            noted = noted + 1
            if noted % NOTED_AT_ONCE == 0 then
                ngx.sleep(0.001)
            end
        end
    end
end

--- Note everything that is stored. Nothing leads from an asset to its copies after a start.
local function walk_quickly()
    for first = 0, FOLDERS - 1, AT_ONCE do
        local folders = {}
        for number = first, first + AT_ONCE - 1 do
            folders[#folders + 1] = folder_of(number)
        end
        ngx.update_time()
        local began = ngx.now()
        local ok, keys = ngx.run_worker_thread(THREADS, "tada.stored", "keys", table.concat(folders, "\n"))
        if not ok then
            return ngx.log(ngx.ERR, "disk: the folders of the cache cannot be read: ", keys)
        end
        note(keys)
        ngx.update_time()
        ngx.sleep(math.max(REST_SECONDS, REST * (ngx.now() - began)))
        if ngx.worker.exiting() then
            return
        end
    end
    settings.dict:set("walked", true)
end

local function walk_by(number)
    local ok, keys = ngx.run_worker_thread(THREADS, "tada.stored", "keys", folder_of(number))
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

--- Start the walks, in the first worker of nginx. `options`: store (the folder of the cache), token, dict (a name).
function _M.open_worker(options)
    settings = options
    settings.dict = ngx.shared[options.dict]
    if ngx.worker.id() ~= 0 then
        return
    end
    if not settings.dict:get("walked") then
        assert(ngx.timer.at(0, function(premature)
            if not premature then
                walk_quickly()
            end
        end))
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
