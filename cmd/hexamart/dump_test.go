package main

import (
	"strings"
	"testing"
)

// TestPortableDump leaves generated values and definers out, and all else as it is.
func TestPortableDump(t *testing.T) {
	t.Parallel()
	const table = "CREATE TABLE `users` (\n  `id` int(11) NOT NULL,\n  `email` varchar(9) COMMENT 'not GENERATED ALWAYS AS this',\n" +
		"  `key` varchar(9) GENERATED ALWAYS AS (lower(`email`)) STORED,\n  `hash` blob,\n  PRIMARY KEY (`id`),\n  KEY `key` (`key`)\n) ENGINE=InnoDB;\n"
	long := strings.Repeat("long, (and) \\' longer; ", 10_000)
	for name, c := range map[string]struct{ dump, want string }{
		"OneLine":    {"INSERT INTO `users` VALUES (1,'a','a',0x01),(2,'b','b',NULL);\n", "INSERT INTO `users` VALUES (1,'a',DEFAULT,0x01),(2,'b',DEFAULT,NULL);\n"},
		"ALineARow":  {"INSERT INTO `users` VALUES\n(1,'a','a',NULL),\n(2,'b','b',NULL);\nINSERT INTO `users` VALUES\n(3,'c',NULL,NULL);\n", "INSERT INTO `users` VALUES\n(1,'a',DEFAULT,NULL),\n(2,'b',DEFAULT,NULL);\nINSERT INTO `users` VALUES\n(3,'c',DEFAULT,NULL);\n"},
		"Quotes":     {"INSERT INTO `users` VALUES (1,'a\\'),(\\\\','it''s, (1;',_binary '\\\\');\nSELECT 'a','b','c';\n", "INSERT INTO `users` VALUES (1,'a\\'),(\\\\',DEFAULT,_binary '\\\\');\nSELECT 'a','b','c';\n"},
		"Long":       {"INSERT INTO `users` VALUES (1,'" + long + "','" + long + "','" + long + "');\n", "INSERT INTO `users` VALUES (1,'" + long + "',DEFAULT,'" + long + "');\n"},
		"Named":      {"INSERT INTO `users` (`id`, `email`, `hash`) VALUES (1,'a',NULL);\n", "INSERT INTO `users` (`id`, `email`, `hash`) VALUES (1,'a',NULL);\n"},
		"OtherTable": {"INSERT INTO `us'ers` VALUES (1,'a','a',NULL);\n", "INSERT INTO `us'ers` VALUES (1,'a','a',NULL);\n"},
		"Definer":    {"/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER x */;\n", "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER x */;\n"},
		"NoDefiner":  {"INSERT INTO `users` VALUES (1,'\nCREATE DEFINER=`a`@`b`','',NULL);\n", "INSERT INTO `users` VALUES (1,'\nCREATE DEFINER=`a`@`b`',DEFAULT,NULL);\n"},
		"NoLog": {"SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\nSET @@SESSION.SQL_LOG_BIN= 0;\n\n--\n-- GTID state\n--\n\nSET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'a:1-5,\nb:1-7';\nSELECT 1;\n" +
			"INSERT INTO `users` VALUES (1,'\nSET @@SESSION.SQL_LOG_BIN= 0;\n','',NULL);\n", "\n--\n-- GTID state\n--\n\nSELECT 1;\nINSERT INTO `users` VALUES (1,'\nSET @@SESSION.SQL_LOG_BIN= 0;\n',DEFAULT,NULL);\n"},
		"NoEnd": {"INSERT INTO `users` VALUES (1,'a','a", "INSERT INTO `users` VALUES (1,'a',DEFAULT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			if err := copyPortable(&got, strings.NewReader(table+c.dump)); err != nil || got.String() != table+c.want {
				t.Errorf("%v; got %.300q, want %.300q", err, strings.TrimPrefix(got.String(), table), c.want)
			}
		})
	}
}

// TestSaidErrors shows what the client says of a failure, and nobody's data.
func TestSaidErrors(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"--------------\nINSERT INTO `users` VALUES (1,'Ann','ann@example.com','$2a$12$x')\n--------------\n\nERROR 3105 (HY000) at line 4: The value specified for generated column 'email_key' in table 'users' is not allowed.\n": "ERROR 3105 (HY000) at line 4: The value specified for generated column 'email_key' in table 'users' is not allowed.",
		"ERROR 1062 (23000) at line 7: Duplicate entry 'ann@example.com' for key 'uq_users_email'\n":                                                                                                                                 "ERROR 1062 (23000) at line 7: Duplicate entry ...",
		"ERROR 1064 (42000) at line 9: You have an error in your SQL syntax; check the manual for the right syntax to use near '$2a$12$x', 'ann@\nexample.com'' at line 1":                                                           "ERROR 1064 (42000) at line 9: You have an error in your SQL syntax; check the manual for the right syntax to use near ...",
		"ERROR 1366 (22007) at line 3: Incorrect integer value: 'ann' for column `hexamart`.`users`.`id` at row 1":                                                                                                                   "ERROR 1366 (22007) at line 3: Incorrect integer value: ...",
		"a warning of ann@example.com's": "",
	} {
		if got := saidErrors([]byte(said)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
