<?php

declare(strict_types=1);

namespace Tada\Media;

/**
 * One request. `isRepeatable` says whether it may be done twice: then it is sent again if it is unknown whether it was
 * done. `form` has the parts of a multipart form, a file as CURLFile or CURLStringFile; `body` is sent as it is.
 */
final class Request
{
    /**
     * @param array<string, string> $headers
     * @param array<string, string|\CURLFile|\CURLStringFile>|null $form
     * @param resource|null $into where the body of a good answer is written
     */
    public function __construct(
        public readonly string $method,
        public readonly string $address,
        public readonly array $headers = [],
        public readonly ?array $form = null,
        public readonly ?string $body = null,
        public readonly bool $isRepeatable = true,
        public readonly mixed $into = null,
    ) {
    }
}
