--- Requests of the jobs worker to this node: POST /generations with changes, GET for the position, and POST /forms for
-- what is stored of an asset.

local generations = require "tada.generations"
local disk = require "tada.disk"
local forms = require "tada.forms"

local _M = {}

local function body()
    ngx.req.read_body()
    local text = ngx.req.get_body_data()
    if text then
        return text
    end
    local path = ngx.req.get_body_file()
    if not path then
        return ""
    end
    local file = assert(io.open(path, "rb"))
    text = file:read("*a")
    file:close()
    return text
end

local function answer(status, problem)
    local position, current = generations.status()
    ngx.status = status
    ngx.header["Content-Type"] = "application/json"
    ngx.header["Cache-Control"] = "no-store"
    local tail = problem and string.format(',"problem":"%s"', problem) or ""
    ngx.print(string.format('{"position":%.0f,"current":%s%s}\n', position, tostring(current), tail))
end

--- Apply changes and answer with the position: 409 if changes before them are missing, 503 if the node is held up.
function _M.answer()
    disk.know_address(ngx.var.server_addr, ngx.var.server_port)
    if ngx.req.get_method() ~= "POST" then
        return answer(200)
    end
    local gone, problem = generations.apply(body())
    if gone then
        answer(200)
        return disk.forget_soon(gone)
    end
    answer(problem == "gap" and 409 or problem == "unreadable" and 400 or 503, problem)
end

--- Answer with what is stored of the purge groups in the body.
function _M.forms()
    ngx.header["Content-Type"] = "text/plain"
    ngx.header["Cache-Control"] = "no-store"
    local told, problem = forms.told(body())
    if not told then
        ngx.status = 503
        ngx.log(ngx.ERR, "forms: the cache cannot be read: ", problem)
    end
    ngx.print(told or "")
end

--- Set which stored copy the purge location removes. It is the copy of a canonical address, and the whole asset becomes
-- stale; or the copy under one exact key.
function _M.purge()
    local key = ngx.var.http_x_stored_key
    if not key then
        key = generations.purge(ngx.var.purged_form)
        if not key then
            return ngx.exit(503)
        end
    end
    ngx.var.purge_key = key
end

--- Answer the health check: this node is alive, and whether a worker has brought it up to date.
function _M.health()
    local _, current = generations.status()
    ngx.print(string.format('{"alive":true,"current":%s}', tostring(current)))
end

return _M
