<?php

declare(strict_types=1);

namespace Tada\Media;

/** An answer that has been read. The names of headers are in lower case. */
final class Answer
{
    /** @param array<string, string> $headers */
    public function __construct(
        public readonly int $status,
        public readonly array $headers,
        public readonly string $body,
    ) {
    }

    /** @return array<mixed> what the body says; nothing if it is no JSON */
    public function json(): array
    {
        $said = json_decode($this->body, true);
        return is_array($said) ? $said : [];
    }

    /** @return array<string, mixed> the first item of `data` */
    public function first(): array
    {
        $first = $this->json()['data'][0] ?? null;
        if (!is_array($first)) {
            $hint = 'Is the address that of its internal entry, with API_PREFIX?';
            throw new TadaError('The answer does not come from TADA.', 'bad_answer', $this->status, $hint);
        }
        return $first;
    }
}
