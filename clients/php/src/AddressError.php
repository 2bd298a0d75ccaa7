<?php

declare(strict_types=1);

namespace Tada\Media;

/** Something that no address can say. `argument` is what is at fault, `name` for the path. */
final class AddressError extends \InvalidArgumentException
{
    public function __construct(public readonly string $argument, string $message)
    {
        parent::__construct($message);
    }
}
