--- The name under which a client wants to save an answer: what `?download=NAME` says.
--
-- The name comes as encodeURIComponent and URLSearchParams write it, and leaves as Content-Disposition needs it (RFC
-- 8187). services/core/addresses/saving.py has the same rule and says what is wrong with a name that is refused here.

local _M = {}

local BYTES_MAX = 300
local EXTENSIONS = {} -- An asset has its own extension. Another one of a kind that there is gives way to it.
for extension in ("png apng jpg jpeg jpe jfif pjpeg pjp webp svg pdf gif avif avifs heic heif hif heics heifs tiff tif"):gmatch("%S+") do
    EXTENSIONS[extension] = true
end

local function decoded(written)
    if written:gsub("%%%x%x", ""):find("%", 1, true) then
        return nil
    end
    local name = written:gsub("%+", " "):gsub("%%(%x%x)", function(hex)
        return string.char(tonumber(hex, 16))
    end)
    -- The flag u refuses what is not UTF-8.
    return ngx.re.find(name, [[\A[^\p{Cc}/\\]+\z]], "jou") and #name <= BYTES_MAX and name
end

local function without_extension(name)
    local stem, extension = name:match("^(.+)%.(%w+)$")
    return stem and EXTENSIONS[extension:lower()] and stem or name
end

--- Return the name without its extension, as the value of `filename*` is written.
-- `written` is the argument as the request has it, nil or "" if there is none. Then there is no name, and for "1", too:
-- the asset has its own. Returns nil and true if the name is not a valid one.
function _M.name(written)
    if not written or written == "" or written == "1" then
        return nil
    end
    local name = decoded(written)
    if not name then
        return nil, true
    end
    return (without_extension(name):gsub("[^%w!#$&+%-.^_`|~]", function(byte)
        return string.format("%%%02X", byte:byte())
    end))
end

return _M
