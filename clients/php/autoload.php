<?php

/** Loads the classes where Composer does not: `require 'autoload.php';`. */

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Tada\\Media\\')) {
        $file = __DIR__ . '/src/' . strtr(substr($class, strlen('Tada\\Media\\')), '\\', '/') . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
