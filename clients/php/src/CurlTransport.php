<?php

declare(strict_types=1);

namespace Tada\Media;

/** Sends requests by curl. Connections are kept open from one request to the next. */
final class CurlTransport implements Transport
{
    private const LEAST_BYTES = 100;

    private readonly \CurlHandle $curl;

    /**
     * @param float $connectSeconds how long a connection may take
     * @param int $silentSeconds how long nothing may come or go: a large upload may take long, but not stand still
     */
    public function __construct(private readonly float $connectSeconds = 5.0, private readonly int $silentSeconds = 30)
    {
        $this->curl = curl_init();
    }

    public function send(Request $request): Answer
    {
        $headers = [];
        $body = '';
        $line = static fn (string $name, string $value) => "$name: $value";
        curl_reset($this->curl);
        curl_setopt_array($this->curl, [
            CURLOPT_URL => $request->address,
            CURLOPT_CUSTOMREQUEST => $request->method,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_HTTPHEADER => [
                // Without it, curl waits a second for permission to send a large form.
                'Expect:',
                ...array_map($line, array_keys($request->headers), $request->headers),
            ],
            CURLOPT_CONNECTTIMEOUT_MS => (int) ($this->connectSeconds * 1000),
            CURLOPT_LOW_SPEED_LIMIT => self::LEAST_BYTES,
            CURLOPT_LOW_SPEED_TIME => $this->silentSeconds,
            CURLOPT_HEADERFUNCTION => static function ($curl, string $line) use (&$headers): int {
                if (str_starts_with($line, 'HTTP/')) {
                    $headers = [];
                }
                $parts = explode(':', $line, 2);
                if (count($parts) === 2) {
                    $headers[strtolower($parts[0])] = trim($parts[1]);
                }
                return strlen($line);
            },
            CURLOPT_WRITEFUNCTION => static function ($curl, string $piece) use (&$body, $request): int {
                $isGood = curl_getinfo($curl, CURLINFO_RESPONSE_CODE) < 300;
                if ($request->into !== null && $isGood) {
                    return (int) fwrite($request->into, $piece);
                }
                $body .= $piece;
                return strlen($piece);
            },
        ]);
        if ($request->method === 'HEAD') {
            curl_setopt($this->curl, CURLOPT_NOBODY, true);
        }
        if ($request->form !== null || $request->body !== null) {
            curl_setopt($this->curl, CURLOPT_POSTFIELDS, $request->form ?? $request->body);
        }
        if (curl_exec($this->curl) === false) {
            throw $this->notReached($request->address);
        }
        return new Answer(curl_getinfo($this->curl, CURLINFO_RESPONSE_CODE), $headers, $body);
    }

    private function notReached(string $address): TadaError
    {
        $unsent = [CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT];
        // A time that ran out while nothing was connected is not told apart by its number.
        $isConnected = curl_getinfo($this->curl, CURLINFO_CONNECT_TIME) > 0;
        $isUnsent = in_array(curl_errno($this->curl), $unsent, true) || !$isConnected;
        $parts = parse_url($address);
        $where = ($parts['host'] ?? '?') . (isset($parts['port']) ? ":{$parts['port']}" : '');
        $why = curl_error($this->curl) ?: curl_strerror(curl_errno($this->curl));
        $message = "No answer from $where: $why.";
        $hint = "Does TADA run, and does this machine reach $where?";
        return new TadaError($message, 'not_reached', hint: $hint, sent: !$isUnsent);
    }
}
