<?php

declare(strict_types=1);

namespace Tada\Media;

/**
 * An answer that is no success, or none at all.
 *
 * Decide by `errorCode`, such as `already_exists` (docs/integrating.md has them all). The message and `hint` are for
 * people. `status` is 0 if no answer came; `errorCode` is then `not_reached`. `uuid` and `uniqueName` say which asset
 * it is about, where the service knows it.
 */
final class TadaError extends \RuntimeException
{
    public function __construct(
        string $message,
        public readonly string $errorCode,
        public readonly int $status = 0,
        public readonly string $hint = '',
        public readonly ?float $retryAfter = null,
        public readonly string $requestId = '',
        public readonly string $uuid = '',
        public readonly string $uniqueName = '',
        /** Whether the service may have had the request. */
        public readonly bool $sent = true,
    ) {
        parent::__construct($message, $status);
    }

    /** Whether the same request may succeed later: the service is away or busy, or said so. */
    public function isPassing(): bool
    {
        $isAway = $this->errorCode === 'not_reached';
        return $isAway || in_array($this->status, [408, 423, 429, 502, 503, 504, 507], true);
    }

    public static function of(Answer $answer): self
    {
        $problem = $answer->json()['problems'][0] ?? null;
        if (!is_array($problem)) {
            $problem = [
                'message' => "The answer has the status $answer->status.",
                'hint' => 'It does not come from TADA. Is the address that of its internal entry, with API_PREFIX?',
            ];
        }
        $after = $answer->headers['retry-after'] ?? '';
        return new self(
            (string) ($problem['message'] ?? ''),
            (string) ($problem['code'] ?? "http_$answer->status"),
            $answer->status,
            (string) ($problem['hint'] ?? ''),
            ctype_digit($after) ? (float) $after : null,
            $answer->headers['x-request-id'] ?? '',
            (string) ($problem['uuid'] ?? ''),
            (string) ($problem['unique_name'] ?? ''),
        );
    }
}
