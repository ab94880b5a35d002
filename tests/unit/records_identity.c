/* GB 11643 numbers, other documents, dates, ages, phones. */
#include "records/patient/identity.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define TODAY "2026-11-24"

static const char *why(enum identity_type type, const char *text)
{
    struct identity id;
    const char *reason = NULL;
    return identity_check(type, text, TODAY, &id, &reason) ? reason : "ok";
}

static void card_of_the_standard(void **state)
{
    /* the two worked examples of GB 11643-1999 */
    struct identity id;
    const char *reason;
    assert_int_equal(identity_check(IDENTITY_CARD, "11010519491231002X", TODAY, &id, &reason), 0);
    assert_string_equal(id.birth_date, "1949-12-31");
    assert_int_equal(id.sex, 'f');
    assert_int_equal(id.area, AREA_PLAUSIBLE);
    assert_int_equal(identity_check(IDENTITY_CARD, "440524188001010014", "1990-01-01", &id, &reason), 0);
    assert_int_equal(id.sex, 'm');
    assert_int_equal(identity_check(IDENTITY_CARD, "440524188001010014", TODAY, &id, &reason), ERR_INVALID);
    assert_string_equal(reason, "wrong_date"); /* 146 years old */
}

static void typing_is_folded(void **state)
{
    struct identity id;
    const char *reason;
    assert_int_equal(identity_check(IDENTITY_CARD, " 110105 19491231 002x", TODAY, &id, &reason), 0);
    assert_string_equal(id.number, "11010519491231002X");
    assert_int_equal(identity_check(IDENTITY_CARD, "11010519491231002X", TODAY, &id, &reason), 0);
    assert_string_equal(id.number, "11010519491231002X");
}

static void fifteen_digits_meet_eighteen(void **state)
{
    struct identity old, now;
    const char *reason;
    assert_int_equal(identity_check(IDENTITY_CARD, "110105491231002", TODAY, &old, &reason), 0);
    assert_int_equal(identity_check(IDENTITY_CARD, "11010519491231002X", TODAY, &now, &reason), 0);
    assert_string_equal(old.number, now.number);
    char n[IDENTITY_NUMBER_BYTES];
    assert_int_equal(identity_card_normalise("110105491231002", n), 0);
    assert_string_equal(n, now.number);
    assert_int_equal(identity_card_normalise("110105491231", n), ERR_INVALID);
}

static void every_single_wrong_digit_is_caught(void **state)
{
    const char *good = "110105194912310021"; /* body of the example; the check is found */
    char n[19];
    memcpy(n, good, 19);
    n[17] = identity_check_character(n);
    assert_string_equal(why(IDENTITY_CARD, n), "ok");
    for (int i = 0; i < 17; i++)
        for (char d = '0'; d <= '9'; d++) {
            char bad[19];
            memcpy(bad, n, 19);
            if (bad[i] == d)
                continue;
            bad[i] = d;
            assert_string_not_equal(why(IDENTITY_CARD, bad), "ok");
        }
    for (int i = 0; i < 16; i++) { /* and every exchange of neighbours */
        char bad[19];
        memcpy(bad, n, 19);
        bad[i] = n[i + 1];
        bad[i + 1] = n[i];
        if (bad[i] != bad[i + 1])
            assert_string_not_equal(why(IDENTITY_CARD, bad), "ok");
    }
}

static void with_check(char n[19])
{
    n[17] = identity_check_character(n);
    n[18] = 0;
}

static void reasons(void **state)
{
    assert_string_equal(why(IDENTITY_CARD, ""), "required");
    assert_string_equal(why(IDENTITY_CARD, NULL), "required");
    assert_string_equal(why(IDENTITY_CARD, "1101051949123100"), "wrong_length");
    assert_string_equal(why(IDENTITY_CARD, "1101051949123100AX"), "wrong_characters");
    assert_string_equal(why(IDENTITY_CARD, "身份证号码"), "wrong_characters");
    assert_string_equal(why(IDENTITY_CARD, "110105194912310021"), "wrong_check_digit");
    assert_string_equal(why(IDENTITY_CARD, "111111111111111"), "placeholder");
    assert_string_equal(why(IDENTITY_CARD, "123456789012345"), "placeholder");
    assert_string_equal(why(IDENTITY_CARD, "000000190001010000"), "placeholder");
    char n[19] = "11010519490231002";
    with_check(n);
    assert_string_equal(why(IDENTITY_CARD, n), "wrong_date"); /* 31 February */
    memcpy(n, "11010520300101002", 17);
    with_check(n);
    assert_string_equal(why(IDENTITY_CARD, n), "wrong_date"); /* not yet born */
    memcpy(n, "77010519490131002", 17);
    with_check(n);
    assert_string_equal(why(IDENTITY_CARD, n), "wrong_area");
    assert_string_equal(why(IDENTITY_CARD, "991813196709102366"), "ok"); /* demonstration area */
    assert_string_equal(why(IDENTITY_NONE, "1"), "not_expected");
    assert_string_equal(why(IDENTITY_NONE, ""), "ok");
}

static void other_documents(void **state)
{
    assert_string_equal(why(IDENTITY_PASSPORT, "e12345678"), "ok");
    assert_string_equal(why(IDENTITY_PASSPORT, "E1234-678"), "wrong_characters");
    assert_string_equal(why(IDENTITY_PASSPORT, "E123"), "wrong_length");
    assert_string_equal(why(IDENTITY_HK_MACAO, "H12345678"), "ok");
    assert_string_equal(why(IDENTITY_HK_MACAO, "12345678"), "wrong_characters");
    assert_string_equal(why(IDENTITY_TAIWAN, "12345678"), "ok");
    assert_string_equal(why(IDENTITY_RESIDENCE, "CAN1101011980"), "wrong_characters");
    assert_string_equal(why(IDENTITY_RESIDENCE, "CAN110180040412"), "ok");
    assert_string_equal(why(IDENTITY_BIRTH, "P110000001"), "ok");
    assert_string_equal(why(IDENTITY_MILITARY, "军字第1234567号"), "ok");
    assert_string_equal(why(IDENTITY_OTHER, "0000000"), "placeholder");
    for (int t = 0; t <= IDENTITY_OTHER; t++)
        assert_int_equal(identity_type_parse(identity_type_word(t)), t);
}

static const char *age(const char *birth, const char *today, int english)
{
    static char text[32];
    age_text(birth, today, english, text);
    return text;
}

static void ages(void **state)
{
    assert_string_equal(age("2026-11-24", TODAY, 0), "0天");
    assert_string_equal(age("2026-10-28", TODAY, 0), "27天");
    assert_string_equal(age("2026-10-27", TODAY, 0), "28天");
    assert_string_equal(age("2026-06-12", TODAY, 0), "5月12天");
    assert_string_equal(age("2025-11-25", TODAY, 0), "11月30天");
    assert_string_equal(age("2025-11-24", TODAY, 0), "1岁");
    assert_string_equal(age("2024-08-24", TODAY, 0), "2岁3月");
    assert_string_equal(age("2020-11-24", TODAY, 0), "6岁");
    assert_string_equal(age("1980-12-01", TODAY, 0), "45岁");
    assert_string_equal(age("1980-11-24", TODAY, 1), "46 y");
    assert_string_equal(age("2026-01-31", "2026-03-30", 0), "1月30天"); /* 28 February counts as the 31st */
    assert_string_equal(age("2024-02-29", "2025-02-28", 0), "11月30天");
    assert_string_equal(age("2027-01-01", TODAY, 0), "");
    assert_string_equal(age("garbage", TODAY, 0), "");
}

static void days_round_trip(void **state)
{
    assert_int_equal(date_days(1970, 1, 1), 0);
    assert_int_equal(date_days(2000, 3, 1), 11017);
    char text[11];
    for (int64_t d = -60000; d < 80000; d += 17) {
        int y, m, dd;
        date_of_ms(d * 86400000, 0, text);
        assert_int_equal(date_parse(text, &y, &m, &dd), 0);
        assert_int_equal(date_days(y, m, dd), d);
    }
    date_of_ms(1700000000000, 480, text);
    assert_string_equal(text, "2023-11-15"); /* already tomorrow in China */
}

static void masks(void **state)
{
    char m[IDENTITY_NUMBER_BYTES], p[24];
    identity_mask("11010519491231002X", m);
    assert_string_equal(m, "110105********002X");
    identity_mask("E12345678", m);
    assert_string_equal(m, "*****5678");
    identity_mask("1234", m);
    assert_string_equal(m, "**34");
    phone_mask("13812341234", p);
    assert_string_equal(p, "138****1234");
    phone_mask("12345", p);
    assert_string_equal(p, "***45");
}

static void phones(void **state)
{
    char p[24];
    assert_int_equal(phone_normalise("+86 138-1234-1234", p), 0);
    assert_string_equal(p, "13812341234");
    assert_int_equal(phone_normalise("(0592) 1234567", p), 0);
    assert_string_equal(p, "05921234567");
    assert_int_equal(phone_normalise("12", p), ERR_INVALID);
    assert_int_equal(phone_normalise("abc12345", p), ERR_INVALID);
    assert_int_equal(phone_normalise("123456789012345678901", p), ERR_INVALID);
    assert_int_equal(phone_normalise(NULL, p), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(card_of_the_standard), cmocka_unit_test(typing_is_folded),
        cmocka_unit_test(fifteen_digits_meet_eighteen), cmocka_unit_test(every_single_wrong_digit_is_caught),
        cmocka_unit_test(reasons), cmocka_unit_test(other_documents), cmocka_unit_test(ages),
        cmocka_unit_test(days_round_trip), cmocka_unit_test(masks), cmocka_unit_test(phones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
