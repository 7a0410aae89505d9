package main

// The pages of the manual: what a command does, what it changes, how it ends, and examples.

const serveHelp = `Brings the database up to date first, as hexamart migrate does, then serves the shop on ADDR until
Ctrl-C or SIGTERM. Then /readyz answers 503, running requests finish, and it exits with 0. Several may
run on one database.

  --demo   fill an empty shop with the demo catalogue and make an admin, whose password a terminal is shown.
           What is somebody's shop already is left as it is.

Examples:
  hexamart serve --demo
      a shop to try, with a database of its own in .data

  ADDR=:9000 CORS_ORIGINS=https://shop.example hexamart serve
      on all addresses of this machine, for the pages of https://shop.example

  DATABASE_URL=mysql://hexamart:password@db:3306/hexamart SECRET_KEY=... hexamart serve
      on a database that is there already

A running shop explains its API itself: open it in a browser, or GET /.
`

// #nosec G101 -- an example
const migrateHelp = `Applies the migrations that the database lacks. A database of the earlier backend is adopted in place: every
user, product and order stays under its id, and each value that has to be altered is printed and kept in
the table adoption_log. Interrupted half-way it finishes when it is run again; run again after
that it changes nothing. Make a backup first.

  --check    change nothing, only say what would change and what is in the way
  --status   change nothing, only list the migrations

Examples:
  hexamart migrate --check && hexamart migrate
  DATABASE_URL=mysql+pymysql://root:password@127.0.0.1/quitq_ecom hexamart migrate --check
`

// #nosec G101 -- an example
const seedHelp = `Adds those products of the demo catalogue that the shop never had, with pictures from this server. Products
that were changed or archived since are left alone, so it is safe to repeat. The schema is brought up
to date first.

Examples:
  hexamart seed
  DATABASE_URL=mysql://hexamart:password@db:3306/hexamart SECRET_KEY=... hexamart seed
`

const adminHelp = `Gives the account with this e-mail address the rights of an admin, and leaves its password alone. If there is
none, it is made, with a password that is asked for on the terminal, or read as one line from the
standard input. The schema is brought up to date first.

Examples:
  hexamart admin ann@example.com
  echo 'correct horse battery' | hexamart admin ann@example.com
  hexamart admin --revoke ann@example.com

With --revoke the account is an ordinary one again, at once. It goes on existing, and its sessions do.
ADMIN_EMAIL and ADMIN_PASSWORD make an admin whenever the shop starts.
`

const forgottenHelp = `Sets a new password for the account with this e-mail address, and ends all of its sessions. The password is asked
for on the terminal, or read as one line from the standard input.

Examples:
  hexamart password ann@example.com
  openssl rand -base64 18 | tee /dev/tty | hexamart password ann@example.com
`

const logoutHelp = `Ends all sessions of the account with this e-mail address: its tokens stop working at once, and whoever knows the
password has to log in again. If somebody else may know that, use: hexamart password EMAIL
With --everybody it does so to all accounts, as after a backup was loaded: sessions that had ended since are in
that, too.

Examples:
  hexamart logout ann@example.com
  hexamart logout --everybody
`

const verifyHelp = `Checks that the shop's books are right: that each stock is what came in less what went out, that each order's
total is the sum of its items, that each history leads to the order's status, and the like. It changes
nothing, and the shop may be open meanwhile. Every row that is wrong is named, and the exit code is 1 then.

Examples:
  hexamart verify
  hexamart verify >wrong.txt || mail -s 'the books' ann@example.com <wrong.txt
`

const backupHelp = `Writes the private server's database, as it is at one moment, to a compressed file that only its owner can
read. The shop may be open meanwhile. It needs mariadb-dump or mysqldump. What is in FILE already is
replaced, by a whole backup or not at all, if it is an ordinary file. With DATABASE_URL use the server's own tools,
as the README shows.

Examples:
  hexamart backup shop.sql.gz
  hexamart backup /backups/shop-$(date +%F).sql.gz
`

const restoreHelp = `Fills an empty private server from a file of hexamart backup. Stop the shop first, and move the directory mysql
in DATA_DIR away if there is one: nothing that is there is overwritten. A file that is not whole is refused.
Until all of it is there nothing else opens the database; after a kill run it again, and it begins anew.
The schema is brought up to date, and everybody has to log in again: sessions that were ended since the backup
would go on. Passwords and admins are those of the backup.
Triggers and views of your own then belong to hexamart_restore, a user that is locked: leave it there.
It needs the client of MariaDB or MySQL.

Examples:
  mv .data/mysql .data/mysql.before && hexamart restore shop.sql.gz && hexamart verify
`

// #nosec G101 -- an example
const doctorHelp = `Examines what the shop runs on, and says what to do about each thing that is not well: secrets that can be
guessed or read by others, the disk, the connection, the server's version, rights, time zone, sql_mode,
isolation level and durability, the clocks, a cluster's state, triggers and events that are not the
shop's, the schema, and the shop's books. It changes nothing, and the shop may be open meanwhile. A
warning is about what may go wrong one day; only what is wrong now makes the exit code 1.

Examples:
  hexamart doctor
  DATABASE_URL=mysql://hexamart:password@db:3306/hexamart SECRET_KEY=... hexamart doctor
`

const healthcheckHelp = `Asks the shop on ADDR whether it is ready (GET /readyz), waiting 5 seconds at most. Prints "ready" and exits with
0, or says why not and exits with 1. For containers and scripts that have no curl.

Examples:
  hexamart healthcheck
  ADDR=127.0.0.1:9000 hexamart healthcheck
  until hexamart healthcheck; do sleep 1; done
`
