<?php

declare(strict_types=1);

namespace Tada\Media;

/**
 * Whether a request that failed is sent again, and when. Pure.
 *
 * A pause doubles from `first` up to `longest` seconds, and is shortened by up to a half at random, so that clients
 * that failed together do not come back together. `Retry-After` of the service counts if it is longer, up to
 * `longestAsked`: whoever is asked to wait longer than that is told so at once. `attempts` counts the first one.
 */
final class Retries
{
    public function __construct(
        public readonly int $attempts = 5,
        public readonly float $first = 0.25,
        public readonly float $longest = 8.0,
        public readonly float $longestAsked = 60.0,
    ) {
    }

    public static function never(): self
    {
        return new self(attempts: 1);
    }

    /**
     * Return how many seconds to wait after the attempt with this number, from 1; null to give up.
     *
     * What may not be done twice is sent again only if it was certainly not done. `share` is a random number, 0 to 1.
     */
    public function pause(int $attempt, TadaError $error, bool $isRepeatable, float $share): ?float
    {
        $isUndone = $error->status === 429 || ($error->status === 0 && !$error->sent);
        if ($attempt >= $this->attempts || !$error->isPassing() || !($isRepeatable || $isUndone)) {
            return null;
        }
        $asked = $error->retryAfter ?? 0.0;
        if ($asked > $this->longestAsked) {
            return null;
        }
        $usual = min($this->longest, $this->first * 2 ** ($attempt - 1)) * (1 - $share / 2);
        // Whoever is told a time comes after it, each at another moment.
        return max($usual, $asked * (1 + $share / 10));
    }
}
